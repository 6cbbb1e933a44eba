import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDump } from './dump.ts';
import { compareFacts, fact, factBatches, withoutDevice, withoutForgotten } from './facts.ts';

const facts = (...entries: Array<[string, string]>): Map<string, string> => new Map(entries);

test('what goes is undone in reverse, what comes is made in order, a change replaces', () => {
  const from = facts(
    fact('address', 'br0 10.0.0.5/32'),
    fact('neighbour', 'br0 10.0.0.7', '02:42:0a:00:00:07'),
    fact('tunnel', '02:42:0a:00:00:07', '192.0.2.7'),
    fact('flood', '192.0.2.7'),
    fact('rule', '6 priority 100 fwmark 0x1', '1'),
    fact('route', '1 ::/0', 'via fd00::1 dev br0'),
  );
  const to = facts(
    fact('link', 'br0', 'bridge'),
    fact('address', 'br0 fd00::5/128'),
    fact('neighbour', 'br0 10.0.0.7', '02:42:0a:00:00:08'),
    fact('tunnel', '02:42:0a:00:00:07', '192.0.2.8'),
    fact('fdb', '02:42:0a:00:00:07', 'vx0'),
    fact('flood', '192.0.2.8'),
    fact('route', 'local ::1', 'local dev esm-0'),
  );
  const batches = factBatches(compareFacts(from, to)).map(({ tool, lines }) => [tool, ...lines]);
  assert.deepEqual(batches, [
    ['ip6', 'rule delete priority 100 fwmark 0x1 lookup 1', 'route delete ::/0 via fd00::1 dev br0 table 1'],
    ['bridge', 'fdb delete 00:00:00:00:00:00 dev vx0 dst 192.0.2.7 self'],
    ['ip', 'address delete 10.0.0.5/32 dev br0'],
    [
      'ip',
      'link add name br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1 mcast_snooping 0 forward_delay 0',
      'address replace fd00::5/128 dev br0 nodad',
      'neighbour replace 10.0.0.7 lladdr 02:42:0a:00:00:08 dev br0 nud permanent',
    ],
    ['ip6', 'route replace local ::1 dev esm-0 table local'],
    [
      'bridge',
      'fdb replace 02:42:0a:00:00:07 dev vx0 master static',
      'fdb replace 02:42:0a:00:00:07 dev vx0 dst 192.0.2.8 self permanent',
      'fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.8 self permanent',
    ],
  ]);
});

test('links that others make come before all that is made of them, and after what goes', () => {
  const from = facts(fact('address', 'br0 10.0.0.5/32'));
  const to = facts(fact('port', 'v1', 'br0 hairpin on'));
  const [gone, come] = factBatches(compareFacts(from, to), ['link add name v1 type veth peer name e1']);
  assert.deepEqual(gone, { tool: 'ip', lines: ['address delete 10.0.0.5/32 dev br0'] });
  assert.equal(come?.tool, 'ip');
  assert.match(come!.lines.join('; '), /^link add name v1 .*; link set dev v1 .*master br0 up/);
});

test('nothing is done where nothing differs', () => {
  const same = facts(fact('up', 'br0', 'mtu 1450'));
  assert.deepEqual(factBatches(compareFacts(same, same)), []);
});

test('with a device goes what depends on it', () => {
  const all = facts(
    fact('link', 'vx0', 'vxlan 1 4789 192.0.2.1'),
    fact('up', 'vx0', 'mtu 1450'),
    fact('fdb', '02:42:0a:00:00:07', 'vx0'),
    fact('tunnel', '02:42:0a:00:00:07', '192.0.2.7'),
    fact('flood', '192.0.2.7'),
    fact('neighbour', 'br0 10.0.0.7', '02:42:0a:00:00:07'),
    fact('route', 'main 0.0.0.0/0', 'via 10.0.0.1 dev br0'),
  );
  assert.deepEqual([...withoutDevice(all, 'vx0').keys()], ['neighbour br0 10.0.0.7', 'route main 0.0.0.0/0']);
  assert.equal(withoutDevice(all, 'br0').size, 5);
});

test("iproute2's answers are read as the facts that made them", () => {
  const link = { flags: ['UP'], mtu: 1450, address: '02:42:0a:00:01:02' };
  const answers = [
    [
      {
        ...link,
        ifname: 'br0',
        linkinfo: { info_kind: 'bridge' },
        addr_info: [
          { local: '10.0.1.2', prefixlen: 24, scope: 'global' },
          { local: 'fe80::1', prefixlen: 64, scope: 'link' },
        ],
      },
      {
        ...link,
        ifname: 'vx0',
        master: 'br0',
        linkinfo: {
          info_kind: 'vxlan',
          info_data: { id: 4097, port: 4789, local: '192.0.2.1' },
          info_slave_data: { learning: false, neigh_suppress: true },
        },
        addr_info: [],
      },
      {
        ...link,
        flags: [],
        ifname: 'v123',
        ifalias: 'endpoint',
        master: 'br0',
        linkinfo: { info_kind: 'veth', info_slave_data: { hairpin: true } },
        addr_info: [],
      },
    ],
    [{ dst: '10.0.1.7', dev: 'br0', lladdr: '02:42:0a:00:01:07' }],
    [{ priority: 13000, src: '169.254.64.0', table: '3847225344' }],
    [
      { type: 'unicast', dst: 'default', gateway: 'fd00::1', dev: 'h0', table: 'main' },
      { type: 'unicast', dst: '10.0.1.0/24', dev: 'br0', protocol: 'kernel' },
    ],
    [{ priority: 100, src: 'all', fwmark: '0x1', fwmask: '0x3', table: '7' }],
    [
      { mac: '02:42:0a:00:01:07', ifname: 'vx0', flags: [], master: 'br0', state: 'static' },
      { mac: '02:42:0a:00:01:07', ifname: 'vx0', dst: '192.0.2.7', flags: ['self'], state: 'permanent' },
      { mac: '00:00:00:00:00:00', ifname: 'vx0', dst: '192.0.2.7', flags: ['self'], state: 'permanent' },
      { mac: '02:42:0a:00:01:09', ifname: 'v123', flags: [], master: 'br0', state: '' },
    ],
  ];
  const dump = readDump(answers.map((answer) => JSON.stringify(answer)).join('\n'));
  assert.deepEqual(
    dump.facts,
    facts(
      fact('link', 'br0', 'bridge'),
      fact('up', 'br0', 'mtu 1450 address 02:42:0a:00:01:02'),
      fact('address', 'br0 10.0.1.2/24'),
      fact('link', 'vx0', 'vxlan 4097 4789 192.0.2.1'),
      fact('up', 'vx0', 'mtu 1450'),
      fact('port', 'vx0', 'br0 learning off neigh_suppress on'),
      fact('link', 'v123', 'veth'),
      fact('alias', 'v123', 'endpoint'),
      fact('port', 'v123', 'br0 hairpin on'),
      fact('neighbour', 'br0 10.0.1.7', '02:42:0a:00:01:07'),
      fact('rule', '4 priority 13000 from 169.254.64.0', '3847225344'),
      fact('rule', '6 priority 100 fwmark 0x1/0x3', '7'),
      fact('route', 'main ::/0', 'via fd00::1 dev h0'),
      fact('fdb', '02:42:0a:00:01:07', 'vx0'),
      fact('tunnel', '02:42:0a:00:01:07', '192.0.2.7'),
      fact('flood', '192.0.2.7'),
    ),
  );
  assert.deepEqual([...dump.aliases], [['v123', 'endpoint']]);
});

test('half an answer is not taken for one', () => {
  assert.throws(() => readDump('[]\n[]\n'), /2 answers instead of 6/);
});

test('a device that is given a MAC address forgets its neighbours, and nothing else', () => {
  const before = facts(
    fact('up', 'br0', 'mtu 1450 address 02:42:0a:00:00:02'),
    fact('up', 'br1', 'mtu 1450 address 02:42:0a:00:01:02'),
    fact('address', 'br0 10.0.0.2/24'),
    fact('neighbour', 'br0 10.0.0.7', '02:42:0a:00:00:07'),
    fact('neighbour', 'br1 10.0.1.7', '02:42:0a:00:01:07'),
  );
  assert.equal(withoutForgotten(before, before), before);
  const after = new Map(before).set('up br0', 'mtu 1450 address 02:42:0a:00:00:03');
  const left = new Map(before);
  left.delete('neighbour br0 10.0.0.7');
  assert.deepEqual(withoutForgotten(before, after), left);
});
