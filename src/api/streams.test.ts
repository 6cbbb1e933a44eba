/** Thousands of clients at once, and what is left of them in memory. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine } from '../../test/support/engine.ts';

const MB = 1024 * 1024;

test('two thousand streams of events at once, again and again: memory comes back to where it was', async (t) => {
  await using engine = await startEngine();
  const server = fork(new URL('../../test/support/api-process.ts', import.meta.url), [engine.socket], {
    execArgv: ['--expose-gc'],
  });
  // Or else a test that fails would never end.
  t.after(() => server.kill());
  const [{ socket }] = (await once(server, 'message')) as [{ socket: string }];
  const memory = async (): Promise<{ heap: number; rss: number }> => {
    server.send('memory');
    const [answer] = (await once(server, 'message')) as [{ heap: number; rss: number }];
    return answer;
  };
  const idle = (await memory()).heap;
  const rss: number[] = [];
  for (let round = 0; round < 3; round++) {
    const streams: Socket[] = [];
    for (let i = 0; i < 2000; i += 100) {
      streams.push(...(await Promise.all(Array.from({ length: 100 }, () => openStream(socket)))));
    }
    // The engine answers before it listens: events go on until every stream has had one.
    let waiting = streams.length;
    for (const stream of streams) stream.once('data', () => waiting--);
    while (waiting > 0) {
      await engine.client.json('POST', '/volumes/create', { body: { Name: 'event' } });
      await engine.client.json('DELETE', '/volumes/event');
      await delay(50);
    }
    await Promise.all(
      streams.map((stream) => {
        stream.destroy();
        return once(stream, 'close');
      }),
    );
    const deadline = Date.now() + 30_000;
    let now = await memory();
    while (now.heap > idle + 8 * MB) {
      assert.ok(Date.now() < deadline, `${now.heap} bytes after round ${round}, ${idle} before the first`);
      await delay(100);
      now = await memory();
    }
    rss.push(now.rss);
  }
  server.disconnect();
  await once(server, 'exit');
  // What the process keeps of the system's memory is what one round needs, not more with each.
  assert.ok(rss[2]! < rss[1]! * 1.25, rss.join());
});

/** A stream of events that has begun; what comes next are events. */
async function openStream(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.write('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
  const [head] = (await once(socket, 'data')) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1.1 200 OK/);
  return socket;
}
