/**
 * A process that is a client and asks for one list again and again. It begins when told, and tells each time that it is
 * asked how long the answers since then took.
 */
import { ApiClient, Latencies } from './client.ts';
import type { ListsReport, ListsStart } from './messages.ts';

process.once('message', (start: ListsStart) => {
  report({ type: 'ready' });
  process.once('message', () => {
    run(start).catch((error: Error) => report({ type: 'failed', message: String(error.stack) }));
  });
});
process.once('disconnect', () => process.exit());

async function run({ socket, path, pause }: ListsStart): Promise<void> {
  const latencies = new Latencies();
  process.on('message', () => report({ type: 'latencies', ...latencies.take() }));
  await latencies.measure(new ApiClient(socket), path, pause);
}

function report(message: ListsReport): void {
  process.send?.(message);
}
