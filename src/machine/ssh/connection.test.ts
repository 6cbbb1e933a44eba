import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveTarget } from './connection.ts';

test('what neither the user nor their configuration says is root and port 22', async () => {
  const host = 'nobody-has-configured-this.invalid';
  assert.deepEqual(await resolveTarget({ host }), { host, user: 'root', port: 22 });
  assert.deepEqual(await resolveTarget({ host, user: 'ann', key: '/k' }), {
    host,
    user: 'ann',
    port: 22,
    key: '/k',
  });
  assert.deepEqual(await resolveTarget({ host, port: 2222 }), { host, user: 'root', port: 2222 });
});
