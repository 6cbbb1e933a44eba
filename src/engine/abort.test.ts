import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { EngineClient } from './client.ts';

test('an abort ends a request that waits for a connection that does not come about; later ones work', async () => {
  const server = createServer((_, response) => response.end('OK')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let late: ((connection: Duplex) => void) | undefined;
  const open = (): Duplex => connect({ host: '127.0.0.1', port });
  let silent = true;
  const client = new EngineClient({
    name: 'tcp://far:2375',
    connect: () =>
      silent
        ? new Promise((resolve) => {
            late = resolve;
          })
        : open(),
  });
  const stop = new AbortController();
  const asked = client.ping(stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 20);
  await assert.rejects(asked, /enough/);
  silent = false;
  await client.ping();
  late!(open());
  await client.ping();
  client.close();
  server.closeAllConnections();
  server.close();
});
