/** `swarm list` as a program: what is wrong is said, and it ends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SWARM = fileURLToPath(new URL('../../../bin/swarm', import.meta.url));

for (const [url, expected] of [
  ['nodes://a', /missing port in address, please check you are using the correct discovery/],
  ['zk://a:2181/x', /ZooKeeper is not supported: use etcd:\/\//],
  ['file:///no/such/file', /no such file/],
  ['etcd://127.0.0.1:1/x', /ECONNREFUSED/],
] as const) {
  test(`swarm list ${url} fails before its time is over`, () => {
    const began = performance.now();
    const { stdout, status } = spawnSync(SWARM, ['list', '--timeout', '60s', url], { encoding: 'utf8' });
    assert.match(stdout, expected);
    assert.equal(status, 1);
    assert.ok(performance.now() - began < 30_000);
  });
}
