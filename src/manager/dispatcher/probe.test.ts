import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { probeHost } from './probe.ts';

test('a host that accepts or refuses lives; one that cannot be reached does not', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  assert.equal(await probeHost('127.0.0.1', 2000, address.port), 'answered');
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await probeHost('127.0.0.1', 2000, address.port), 'answered');
  assert.equal(await probeHost('not an address', 100), 'silent');
});

test('a host that could not be asked is neither', async () => {
  // The kernel has no way there for TCP.
  assert.equal(await probeHost('255.255.255.255', 100), 'unsent');
});
