import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keeperOf } from './known.ts';
import { createLog } from './process/log.ts';

test('a place where nobody can be made known is refused before the daemon says that it is up', () => {
  const keeper = (url: string) => keeperOf({ url, address: '203.0.113.7:2376' }, createLog('error'));
  assert.throws(() => keeper('foo://x'), { name: 'DiscoveryError', message: /not supported/ });
  assert.throws(() => keeper('zk://x'), { name: 'DiscoveryError', message: /use etcd:/ });
  assert.equal(typeof keeper('token://203.0.113.1:4243/v1/0123456789abcdef0123456789abcdef'), 'function');
});
