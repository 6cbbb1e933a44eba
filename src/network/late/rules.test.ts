import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enginePort } from './rules.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string): string =>
  `  1234: ${local} ${remote} 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n`;

test('the engine’s resolver is who listens at its address, not who asks from there, nor anybody else', () => {
  const others = [
    row('0C00007F:D2F0', '00000000:0000'),
    row('0100007F:0035', '00000000:0000'),
    row('0B00007F:A000', '0B00007F:0035'),
  ].join('');
  assert.equal(enginePort(HEAD + others), undefined);
  assert.equal(enginePort(HEAD + others + row('0B00007F:9C41', '00000000:0000')), 40_001);
  assert.equal(enginePort(''), undefined);
});
