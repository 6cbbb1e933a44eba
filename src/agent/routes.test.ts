import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostRoutes, parseRoutes } from './routes.ts';

const V4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
esm-0	0000000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
tun0	0101A8C0	00000000	0005	0	0	0	FFFFFFFF	0	0	0
`;
const V6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

test('subnets of the main tables, without default routes, single addresses and our own links', () => {
  assert.deepEqual(parseRoutes(V4, V6), ['172.17.0.0/16', '192.0.2.0/24', 'fd00::/64']);
});

test('this host has routes that can be read', async () => {
  for (const route of await hostRoutes()) assert.match(route, /^[0-9a-f.:]+\/\d+$/);
});
