import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../model/errors.ts';
import type { Network } from '../../../model/objects.ts';
import type { NetworkSpec } from '../../../model/spec.ts';
import { openMemoryStore } from '../../../store/memory.ts';
import { meta, sampleNode } from '../testing/cluster.ts';
import { checkNewNetwork, validateNetwork } from './validation.ts';

const RPC = 'rpc error: code = InvalidArgument desc = ';
const overlay = (more: NetworkSpec = {}): NetworkSpec => ({ Name: 'net', Driver: 'overlay', ...more });
const withConfig = (config: object): NetworkSpec => overlay({ IPAM: { Config: [config] } });

function refused(check: () => void, status: number, message: string | RegExp): void {
  assert.throws(check, (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.status, status);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

const CONFIG = 'invalid network config:\n';
const REFUSALS: Array<[NetworkSpec, number, string | RegExp]> = [
  [overlay({ Name: '' }), 400, 'invalid name: name is empty'],
  [overlay({ Name: 'bad name' }), 400, `${RPC}name must be valid as a DNS name component`],
  [overlay({ Name: '-x', Driver: 'bridge' }), 400, `${RPC}name must be valid as a DNS name component`],
  [overlay({ Scope: 'local' }), 403, 'cannot downgrade network scope for overlay networks'],
  [overlay({ Driver: 'nosuch', Scope: 'swarm' }), 404, 'plugin "nosuch" not found'],
  [
    overlay({ Driver: '', Scope: 'swarm' }),
    400,
    `${RPC}driver name: if driver is specified name is required`,
  ],
  [overlay({ Driver: 'null', Scope: 'swarm' }), 400, `${RPC}error during lookup of plugin null`],
  [overlay({ Driver: 'bridge', Ingress: true }), 403, 'Ingress network can only be global scope network'],
  [overlay({ Driver: '', Ingress: true }), 403, 'Ingress network can only be global scope network'],
  [overlay({ Ingress: true, Attachable: true }), 400, `${RPC}ingress network cannot be attachable`],
  [overlay({ IPAM: { Driver: 'nosuch' } }), 400, `${RPC}error during lookup of plugin nosuch`],
  [overlay({ Options: { 'com.docker.network.driver.mtu': '1' } }), 400, /mtu: 1 is not between/],
  [overlay({ EnableIPv4: false }), 400, 'IPv4 cannot be disabled in a Swarm scoped network'],
  [overlay({ ConfigFrom: { Network: 'c' } }), 501, /an overlay cannot be made from a configuration/],
  [withConfig({ Subnet: 'nonsense' }), 400, `${CONFIG}invalid subnet nonsense: invalid CIDR block notation`],
  [
    withConfig({ Subnet: '10.0.0.0/33' }),
    400,
    `${CONFIG}invalid subnet 10.0.0.0/33: invalid CIDR block notation`,
  ],
  [withConfig({ Gateway: '10.0.13.1' }), 400, `${CONFIG}invalid subnet : invalid CIDR block notation`],
  [
    withConfig({ Subnet: '10.1.2.3/24' }),
    400,
    `${CONFIG}invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24`,
  ],
  [
    withConfig({ Subnet: 'fd00:1::5/64' }),
    400,
    `${CONFIG}invalid subnet fd00:1::5/64: it should be fd00:1::/64`,
  ],
  [
    overlay({ Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.1.2.3/24' }] } }),
    400,
    `${CONFIG}invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24`,
  ],
  [
    withConfig({ Subnet: '10.0.10.0/24', Gateway: '10.0.11.1' }),
    400,
    `${CONFIG}invalid gateway 10.0.11.1: parent subnet 10.0.10.0/24 doesn't contain this address`,
  ],
  [
    withConfig({ Subnet: '10.0.12.0/24', Gateway: 'bad' }),
    400,
    `${CONFIG}invalid gateway bad: invalid address`,
  ],
  [
    withConfig({ Subnet: 'fd00::/64', Gateway: '10.0.0.1' }),
    400,
    `${CONFIG}invalid gateway 10.0.0.1: parent subnet is an IPv6 block`,
  ],
  [
    withConfig({ Subnet: '10.0.13.0/24', IPRange: '10.9.0.0/28' }),
    400,
    `${CONFIG}invalid ip-range 10.9.0.0/28: parent subnet 10.0.13.0/24 doesn't contain ip-range`,
  ],
  [
    withConfig({ Subnet: '10.1.2.0/24', IPRange: '10.1.0.0/16' }),
    400,
    `${CONFIG}invalid ip-range 10.1.0.0/16: CIDR block is bigger than its parent subnet 10.1.2.0/24`,
  ],
  [
    withConfig({ Subnet: '10.1.2.0/24', IPRange: '10.1.2.77/26' }),
    400,
    `${CONFIG}invalid ip-range 10.1.2.77/26: it should be 10.1.2.64/26`,
  ],
  [
    withConfig({ Subnet: '10.1.2.0/24', IPRange: 'fd00::/64' }),
    400,
    `${CONFIG}invalid ip-range fd00::/64: parent subnet is an IPv4 block`,
  ],
  [
    withConfig({ Subnet: '10.1.2.0/24', IPRange: 'bad' }),
    400,
    `${CONFIG}invalid ip-range bad: invalid CIDR block notation`,
  ],
  [
    withConfig({ Subnet: '10.1.2.0/24', AuxiliaryAddresses: { a: '10.2.0.1' } }),
    400,
    `${CONFIG}invalid auxiliary address a: parent subnet 10.1.2.0/24 doesn't contain this address`,
  ],
  [
    overlay({
      IPAM: { Config: [{ Subnet: '10.1.2.5/24', Gateway: '10.1.3.1' }, { Subnet: '10.1.2.0/99' }] },
    }),
    400,
    `${CONFIG}* invalid subnet 10.1.2.5/24: it should be 10.1.2.0/24\n* invalid gateway 10.1.3.1: parent subnet 10.1.2.5/24 doesn't contain this address\n* invalid subnet 10.1.2.0/99: invalid CIDR block notation`,
  ],
  [withConfig({ Subnet: '10.0.13.0/31' }), 400, /subnet 10\.0\.13\.0\/31 is too small/],
  [
    overlay({ IPAM: { Config: [{ Subnet: '10.1.0.0/24' }, { Subnet: '10.2.0.0/24' }] } }),
    501,
    /one IPv4 subnet/,
  ],
];

for (const [spec, status, message] of REFUSALS) {
  test(`refused: ${JSON.stringify(spec)}`, () => refused(() => validateNetwork(spec), status, message));
}

test('what Docker takes is taken', () => {
  const given = { Subnet: '10.0.9.0/24', Gateway: '10.0.9.9', IPRange: '10.0.9.128/25' };
  for (const spec of [
    overlay(),
    overlay({ Driver: 'bridge', Attachable: true, Options: { a: 'b' } }),
    overlay({ Driver: 'macvlan', ConfigFrom: { Network: 'c' } }),
    overlay({ Driver: 'host' }),
    overlay({ Driver: 'ipvlan', IPAM: { Config: [{ Subnet: '10.1.0.0/24' }, { Subnet: '10.2.0.0/24' }] } }),
    overlay({ Ingress: true, Internal: true, EnableIPv6: true, Options: { foo: 'bar' } }),
    withConfig({ ...given, AuxiliaryAddresses: { printer: '10.0.9.7' } }),
    overlay({ IPAM: { Driver: 'default', Config: [{ Subnet: '10.0.9.0/24' }, { Subnet: 'fd00:9::/64' }] } }),
  ])
    validateNetwork(spec);
  // Clients before 1.48 cannot have meant it.
  validateNetwork(overlay({ EnableIPv4: false }), false);
});

test('names and subnets are each taken once, and hosts’ own routes are kept out of', async () => {
  const store = openMemoryStore();
  const network = (Name: string, more: NetworkSpec = {}): Network => ({
    ...meta(),
    Spec: overlay({ Name, ...more }),
    internal: {},
  });
  const ingress = network('ingress', { Ingress: true });
  ingress.internal = { allocated: { vni: 4096, subnets: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.1' }] } };
  const node = sampleNode('host1');
  node.Description!.Routes = ['10.0.0.0/24', '192.168.99.0/24'];
  await store.commit({
    changes: [
      { op: 'put', kind: 'network', object: ingress },
      { op: 'put', kind: 'network', object: network('Net1') },
      { op: 'put', kind: 'node', object: node },
    ],
  });
  const check = (spec: NetworkSpec) => () => checkNewNetwork(store.view, overlay(spec));
  refused(check({ Name: 'Net1' }), 409, 'network with name Net1 already exists');
  refused(check({ Name: 'host' }), 409, 'network with name host already exists');
  refused(
    check({ Name: 'net1' }),
    500,
    'rpc error: code = Unknown desc = name conflicts with an existing object',
  );
  refused(
    check({ Ingress: true }),
    409,
    `rpc error: code = AlreadyExists desc = ingress network (${ingress.ID}) is already present`,
  );
  const on = (Subnet: string) => check({ IPAM: { Config: [{ Subnet }] } });
  const overlap = 'Pool overlaps with other one on this address space: ';
  refused(
    on('10.0.0.0/16'),
    403,
    `${overlap}10.0.0.0/16 overlaps with 10.0.0.0/24, which network ingress has`,
  );
  refused(
    on('192.168.0.0/16'),
    403,
    `${overlap}192.168.0.0/16 overlaps with 192.168.99.0/24, to which node host1 has a route`,
  );
  on('10.0.1.0/24')();
  // What each node has for itself is in nobody's way.
  check({ Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.0.0.0/16' }] } })();
});
