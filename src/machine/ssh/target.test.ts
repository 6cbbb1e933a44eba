import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget } from './target.ts';

test('a host is written as for ssh', () => {
  const of = (text: string, given = {}) => parseTarget(text, given);
  assert.deepEqual(of('10.0.0.1'), { host: '10.0.0.1' });
  assert.deepEqual(of('admin@host.example:2222'), { host: 'host.example', user: 'admin', port: 2222 });
  assert.deepEqual(of('[2001:db8::1]:2222'), { host: '2001:db8::1', port: 2222 });
  assert.deepEqual(of('root@2001:db8::1'), { host: '2001:db8::1', user: 'root' });
  assert.deepEqual(of('ssh://me@h'), { host: 'h', user: 'me' });
  assert.deepEqual(of('h', { user: 'u', port: '7' }), { host: 'h', user: 'u', port: 7 });
  assert.deepEqual(of('me@h:8', { user: 'u', port: '7' }), { host: 'h', user: 'me', port: 8 });
});

test('what is none is refused, before any program sees it', () => {
  for (const text of [
    '',
    '-oProxyCommand=x',
    'root@-x',
    'a b',
    'h:99999',
    'h:0',
    'a/b',
    '$x@h',
    'h:',
    '$(id)',
    "h'",
  ])
    assert.throws(() => parseTarget(text, {}), { name: 'MachineError' }, text);
  assert.throws(() => parseTarget('h', { key: '/nonexistent/key' }), /no readable key/);
});
