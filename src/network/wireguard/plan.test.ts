import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tunnelAddressOf } from '../../model/tunnel.ts';
import { testOverlay } from '../testing/overlay.ts';
import { loadTunnelKeys, presharedKey, type TunnelKeys } from './keys.ts';
import { readTunnels, type SeenTunnels, throughTunnels, tunnelSteps, wantedTunnels } from './plan.ts';

const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const own: TunnelKeys = { privateKey: keyOf(1), publicKey: keyOf(2) };
const [B, C] = [keyOf(3), keyOf(4)];
const NOW = 1_000_000;

const secret = (peers: Array<[key: string | undefined, underlay: string]>, networkKey = 'first') =>
  testOverlay({
    encrypted: true,
    networkKey,
    mtu: 1350,
    peers: peers.map(([tunnelKey, underlay], i) => ({
      nodeId: `n${i}`,
      underlay,
      addresses: [],
      ...(tunnelKey && { tunnelKey }),
    })),
  });
const wanted = (...networks: ReturnType<typeof secret>[]) => wantedTunnels(networks, 4789, own);

/** The device as it is when all that was wanted is there. */
function made(want: ReturnType<typeof wanted>, handshake = NOW - 10): SeenTunnels {
  const peers = [...want.peers].map(
    ([key, peer]) =>
      [key, { ...peer, allowed: `${tunnelAddressOf(key)}/128`, handshake, keepalive: '25' }] as const,
  );
  const addresses = ['fe80::1/64', `${tunnelAddressOf(own.publicKey)}/48`];
  return { up: true, mtu: 1420, addresses, publicKey: own.publicKey, port: 4790, peers: new Map(peers) };
}

const both = wanted(
  secret([
    [B, '192.0.2.2'],
    [C, '2001:db8::3'],
  ]),
);
const without = (key: string) => wanted(secret([key === B ? [C, '2001:db8::3'] : [B, '192.0.2.2']]));

test('tunnels lead to all hosts of all encrypted networks that have told their key', () => {
  const { port, mtu, peers } = wanted(
    secret([
      [B, '192.0.2.2'],
      [undefined, '192.0.2.9'],
      ['$(reboot)', '192.0.2.8'],
    ]),
    { ...secret([[C, '2001:db8::3']]), mtu: 8900 },
  );
  assert.deepEqual([port, mtu], [4790, 8970]);
  assert.deepEqual(
    [...peers].map(([key, { endpoint }]) => [key, endpoint]),
    [
      [B, '192.0.2.2:4790'],
      [C, '[2001:db8::3]:4790'],
    ],
  );
});

test('there are no tunnels without the key of the cluster', () => {
  const { networkKey: _, ...network } = secret([[B, '192.0.2.2']]);
  assert.equal(wanted(network).peers.size, 0);
});

test('VXLAN finds the peers of an encrypted network in the tunnels or not at all; those of others where they are', () => {
  const network = secret([
    [B, '192.0.2.2'],
    [undefined, '192.0.2.9'],
  ]);
  assert.deepEqual(
    throughTunnels(network).peers.map(({ underlay }) => underlay),
    [tunnelAddressOf(B)],
  );
  const plain = testOverlay();
  assert.equal(throughTunnels(plain), plain);
});

test('a fresh device gets everything; one that is right is left alone', () => {
  const fresh: SeenTunnels = {
    up: false,
    mtu: 1500,
    addresses: [],
    publicKey: '(none)',
    port: 0,
    peers: new Map(),
  };
  const script = tunnelSteps(fresh, both, undefined, NOW)
    .map((step) => step.script)
    .join('');
  const address = tunnelAddressOf(own.publicKey);
  const shared = presharedKey('first');
  const peer = (key: string, endpoint: string) =>
    `wg set essaim-wg peer ${key} allowed-ips ${tunnelAddressOf(key)}/128 persistent-keepalive 25 endpoint ${endpoint} preshared-key /dev/stdin <<'END'\n${shared}\nEND\n`;
  assert.equal(
    script,
    `wg set essaim-wg private-key /dev/stdin <<'END'
${own.privateKey}
END
wg set essaim-wg listen-port 4790
ip link set essaim-wg mtu 1420
ip link set essaim-wg up
ip address replace ${address}/48 dev essaim-wg nodad
${peer(B, '192.0.2.2:4790')}${peer(C, '[2001:db8::3]:4790')}`,
  );
  assert.deepEqual(tunnelSteps(made(both), both, undefined, NOW), []);
});

test('who is gone is no peer any more', () => {
  const steps = tunnelSteps(made(both), without(B), both, NOW);
  assert.deepEqual(steps, [
    { message: `tunnel ${B} is there and should not be`, script: `wg set essaim-wg peer ${B} remove\n` },
  ]);
});

test('a new key of the cluster changes nothing else of a tunnel', () => {
  const [step, ...more] = tunnelSteps(
    made(without(C)),
    wanted(secret([[B, '192.0.2.2']], 'second')),
    without(C),
    NOW,
  );
  assert.deepEqual(more, []);
  assert.equal(
    step?.script,
    `wg set essaim-wg peer ${B} preshared-key /dev/stdin <<'END'\n${presharedKey('second')}\nEND\n`,
  );
});

test('a host that answers from elsewhere is there; one that is silent is looked for where it should be', () => {
  const want = without(C);
  const roamed = (handshake: number): SeenTunnels => {
    const seen = made(want, handshake);
    const peer = { ...seen.peers.get(B)!, endpoint: '192.0.2.77:4790' };
    return { ...seen, peers: new Map([[B, peer]]) };
  };
  assert.deepEqual(tunnelSteps(roamed(NOW - 149), want, want, NOW), []);
  const [step] = tunnelSteps(roamed(NOW - 151), want, want, NOW);
  assert.match(step!.script, /^wg set essaim-wg peer \S+ endpoint 192\.0\.2\.2:4790 <<'END'/);
  const moved = wanted(secret([[B, '192.0.2.99']]));
  const [there] = tunnelSteps(made(want), moved, want, NOW);
  assert.match(there!.script, /endpoint 192\.0\.2\.99:4790/);
});

test('what the tools print is read; without device or program there is nothing', () => {
  const link = (ifname: string, flags: string[], addresses: Array<[string, number]>) => ({
    ifname,
    mtu: 1420,
    flags,
    addr_info: addresses.map(([local, prefixlen]) => ({ local, prefixlen })),
  });
  const links = JSON.stringify([
    link('lo', ['UP'], [['::1', 128]]),
    link('essaim-wg', ['UP'], [['fd65::1', 48]]),
  ]);
  const first = ['priv', own.publicKey, '4790', 'off'].join('\t');
  const peer = [B, 'psk', '192.0.2.2:4790', 'fd65::2/128', '12', '1', '2', '25'].join('\t');
  assert.deepEqual(readTunnels(`${links}\n${first}\n${peer}\n`), {
    up: true,
    mtu: 1420,
    addresses: ['fd65::1/48'],
    publicKey: own.publicKey,
    port: 4790,
    peers: new Map([
      [
        B,
        {
          presharedKey: 'psk',
          endpoint: '192.0.2.2:4790',
          allowed: 'fd65::2/128',
          handshake: 12,
          keepalive: '25',
        },
      ],
    ]),
  });
  assert.equal(readTunnels(`${links}\n`), undefined);
  assert.equal(readTunnels(`${JSON.stringify([link('lo', [], [])])}\n${first}\n`), undefined);
});

test('a host makes its key once, and keeps it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-keys-'));
  try {
    const path = join(folder, 'key.json');
    const keys = await loadTunnelKeys(path);
    tunnelAddressOf(keys.publicKey);
    assert.equal(Buffer.from(keys.privateKey, 'base64').length, 32);
    assert.deepEqual(await loadTunnelKeys(path), keys);
    assert.notDeepEqual(await loadTunnelKeys(join(folder, 'other.json')), keys);
  } finally {
    await rm(folder, { recursive: true });
  }
});
