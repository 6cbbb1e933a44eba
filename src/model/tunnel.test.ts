import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { TUNNEL_KEY, tunnelAddressOf } from './tunnel.ts';

const encode = (first: number[]): string =>
  Buffer.from([...first, ...Array.from({ length: 32 - first.length }, () => 7)]).toString('base64');

test('an address within the tunnels comes from the public key', () => {
  const address = tunnelAddressOf(encode([0xab, 0xcd, 0, 0x12, 0, 0, 0xff, 0xff, 0x10, 0]));
  assert.equal(address, 'fd65:7373:6174:abcd:12:1:ffff:1000');
});

test('keys of hosts are taken, anything else is not', () => {
  for (let i = 0; i < 50; i++) {
    const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
    const key = Buffer.from(x!, 'base64url').toString('base64');
    assert.match(key, TUNNEL_KEY);
    tunnelAddressOf(key);
  }
  for (const text of ['', 'abc=', `${encode([])} `, `$(reboot)${encode([]).slice(9)}`, `${encode([])}\n`])
    assert.throws(() => tunnelAddressOf(text), /is not a public key/);
});
