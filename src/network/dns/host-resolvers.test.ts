import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { HostResolvers, nameServers } from './host-resolvers.ts';

test('the servers that a resolv.conf names', () => {
  const text = `# nameserver 9.9.9.9
nameserver 192.0.2.1
 nameserver\t2001:db8::1 # first
nameserver 192.0.2.1
nameserver fe80::1%eth0
nameserver nonsense
nameservers 192.0.2.9
search example.com
options ndots:1`;
  assert.deepEqual(nameServers(text), ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0']);
  assert.deepEqual(nameServers(''), []);
});

test('a changed file counts after a second at most, a replaced one too; without it there are no servers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-dns-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'resolv.conf');
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const resolvers = new HostResolvers({
    path,
    clock,
    isOwn: (address) => address === '169.254.64.0',
    onError: (error) => errors.push(error),
  });
  assert.deepEqual(await resolvers.servers(), []);
  await writeFile(path, 'nameserver 192.0.2.1\nnameserver 169.254.64.0\nnameserver 192.0.2.2\n');
  assert.deepEqual(await resolvers.servers(), []);
  await clock.advance(1000);
  assert.deepEqual(await Promise.all([resolvers.servers(), resolvers.servers()]), [
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.1', '192.0.2.2'],
  ]);
  await writeFile(`${path}.new`, 'nameserver 192.0.2.7\n');
  await rename(`${path}.new`, path);
  await clock.advance(1000);
  assert.deepEqual(await resolvers.servers(), ['192.0.2.7']);
  await rm(path);
  await clock.advance(1000);
  assert.deepEqual(await resolvers.servers(), []);
  assert.deepEqual(errors, []);
});
