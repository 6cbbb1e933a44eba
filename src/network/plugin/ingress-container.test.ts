import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeIngress, ingressScript } from './ingress-container.ts';

const V4 = '10.0.0.5/24';
const V6 = 'fd01::5/64';
const GATEWAYS = ['10.0.0.1', 'fd01::1'];
const lines = (script: string): string[] =>
  script.split('\n').filter((line) => / (via|lookup) |^address/.test(line));

test('without IPv6 and ports of the host nothing is missing', () => {
  assert.equal(ingressScript([V4], GATEWAYS, false), '');
  assert.equal(ingressScript([V4, V6], ['10.0.0.1'], false), '');
});

test('its IPv6 address, and the way out', () => {
  const script = ingressScript([V4, V6], GATEWAYS, false);
  assert.match(script, /^set -- \$\(ip -o address show to 10\.0\.0\.5\)\ndev=\$2\n/);
  assert.deepEqual(lines(script), [
    'address replace fd01::5/64 dev $dev nodad',
    'route replace default via fd01::1 dev $dev',
  ]);
});

test('with ports of the host its answers go back the way that the question came', () => {
  const undone = (line: string): boolean => line.includes('rule del');
  const all = lines(ingressScript([V4, V6], GATEWAYS, true));
  assert.deepEqual(
    all.filter((line) => !undone(line)),
    [
      'rule add from 10.0.0.5 lookup 100',
      'route replace default via 10.0.0.1 dev $dev table 100',
      'address replace fd01::5/64 dev $dev nodad',
      'rule add from fd01::5 lookup 100',
      'route replace default via fd01::1 dev $dev table 100',
    ],
  );
  assert.equal(all.filter(undone).length, 2);
});

test('a container that has ended has nothing missing', async () => {
  const ended = 2 ** 22 + 1;
  await completeIngress({ networkId: 'n', pid: ended, addresses: [V4, V6], hostPorts: false }, GATEWAYS);
});
