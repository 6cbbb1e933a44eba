import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listedByTool } from './firewall.ts';

test('tools are told apart, also one that has printed no rules', () => {
  const some = '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n';
  const listed = listedByTool(`tool iptables\ntool ip6tables\n${some}`);
  assert.deepEqual([...listed.keys()], ['iptables', 'ip6tables']);
  assert.deepEqual([...listed.get('iptables')!], []);
  assert.deepEqual(listed.get('ip6tables')!.get('nat')!.rules, ['-A PREROUTING -j DOCKER']);
});
