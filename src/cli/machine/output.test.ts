import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillDeep } from './output.ts';

test('a template of inspect takes fields at any depth, and whole parts as JSON', () => {
  const machine = { Name: 'a', Driver: { IPAddress: '10.0.0.1', SSHPort: 22 }, Labels: ['x=y'] };
  assert.equal(fillDeep('{{.Name}} {{ .Driver.IPAddress }}:{{.Driver.SSHPort}}', machine), 'a 10.0.0.1:22');
  assert.equal(fillDeep('{{json .Labels}}', machine), '["x=y"]');
  assert.equal(fillDeep('{{prettyjson .}}', machine), JSON.stringify(machine, null, 4));
  assert.throws(
    () => fillDeep('{{.Driver.Size}}', machine),
    /There is no "Size" in "\.Driver\.Size": there are IPAddress, SSHPort/,
  );
  assert.throws(() => fillDeep('{{Name}}', machine), /begin it with a dot/);
});
