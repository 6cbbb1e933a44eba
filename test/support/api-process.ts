/** The API on the engine of the socket given, as a process whose memory a test can ask for. Run with --expose-gc. */
import { unixEngine } from '../../src/engine/client.ts';
import { startApi } from './api.ts';

const api = await startApi(unixEngine(process.argv[2]!));
process.on('message', () => {
  for (let i = 0; i < 3; i++) globalThis.gc!();
  const { heapUsed, rss } = process.memoryUsage();
  process.send!({ heap: heapUsed, rss });
});
process.on('disconnect', () => void api[Symbol.asyncDispose]().then(() => process.exit()));
process.send!({ socket: api.socket });
