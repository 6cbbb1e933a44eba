import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OverlayState } from '../../model/network-state.ts';
import { hostTable } from '../host/rules.ts';
import { stalePublishedFlows, staleServiceFlows } from '../kernel/flows.ts';
import { changeTable } from '../kernel/nft.ts';
import { linkOf } from '../names.ts';
import { testOverlay } from '../testing/overlay.ts';
import { overlayFacts } from './facts.ts';
import { bridgeTable, overlayTable } from './rules.ts';

const link = linkOf(0);
const place = { link, underlayAddress: '192.0.2.1', dataPathPort: 4789 };

test('one endpoint that leaves is one element and one rule a family', () => {
  const before = overlayTable(testOverlay(), link);
  const web = { ...testOverlay().services[0]!, ready: ['there'] };
  const after = overlayTable(testOverlay({ services: [web] }), link, before);
  assert.equal(
    changeTable(before, after),
    `flush chain inet essaim service_web
delete element inet essaim service_web_ip { 0, 1 }
add element inet essaim service_web_ip { 0 : 10.0.1.6 }
delete element inet essaim service_web_ip6 { 0, 1 }
add element inet essaim service_web_ip6 { 0 : fd01::6 }
add rule inet essaim service_web meta nfproto ipv4 meta l4proto { tcp, udp, sctp } dnat ip to numgen inc mod 1 map @service_web_ip
add rule inet essaim service_web meta nfproto ipv6 meta l4proto { tcp, udp, sctp } dnat ip6 to numgen inc mod 1 map @service_web_ip6
`,
  );
});

test('a network lets its containers pass to the host with questions for the name server alone', () => {
  const { chains, sets } = overlayTable(testOverlay(), link);
  assert.match(chains.get('forward')!.hook, /policy drop/);
  assert.deepEqual(chains.get('forward')!.rules, [
    'iifname "br0" oifname "br0" accept',
    'iifname "br0" oifname "h0" ct status dnat accept',
    'iifname "h0" oifname "br0" ct state established,related accept',
  ]);
  assert.deepEqual([...sets.get('self4')!.elements.keys()], ['10.0.1.5 . 10.0.1.5']);
  assert.deepEqual([...sets.get('self6')!.elements.keys()], ['fd01::5 . fd01::5']);
  assert.ok(!chains.has('origin'));
});

test('on the ingress network each other host has a mark, which leads answers back to it', () => {
  const overlay = testOverlay({ ingress: true });
  const { sets } = overlayTable(overlay, link);
  assert.deepEqual([...sets.get('hosts')!.elements], [['02:42:0a:00:01:03', String(0x0a000103)]]);
  assert.deepEqual(
    [...bridgeTable(overlay).sets.get('ways')!.elements],
    [[String(0x0a000103), '02:42:0a:00:01:03']],
  );
  assert.ok(!bridgeTable(testOverlay()).chains.has('back'));
  const facts = overlayFacts({ ...place, overlay, ports: new Map() });
  assert.equal(facts.get('route main 0.0.0.0/0'), 'via 169.254.64.0 dev h0');
});

test("virtual addresses and gateways are nobody else's to answer for", () => {
  const { sets } = bridgeTable(testOverlay());
  assert.deepEqual([...sets.get('vips4')!.elements.keys()], ['10.0.1.1', '10.0.1.9']);
  assert.ok(sets.get('vips6')!.elements.has('0xfd010000000000000000000000000009'));
});

test("the name server's address does not hang on the host's own one, which may change under a container", () => {
  const dns = (overlay: OverlayState) =>
    overlayTable(overlay, place.link)
      .chains.get('prerouting')!
      .rules.filter((rule) => rule.includes('dport 53'));
  const moved = { ...testOverlay(), addresses: ['10.0.1.77/24', 'fd01::77/64'] };
  assert.match(dns(moved)[0]!, / ip daddr 10\.0\.1\.1 /);
  assert.deepEqual(dns(moved), dns(testOverlay()));
});

test('neighbours are known of all, places behind the tunnel of those elsewhere', () => {
  const facts = overlayFacts({ ...place, overlay: testOverlay(), ports: new Map() });
  const of = (kind: string) => [...facts].filter(([key]) => key.startsWith(`${kind} `));
  assert.deepEqual(of('neighbour'), [
    ['neighbour br0 10.0.1.3', '02:42:0a:00:01:03'],
    ['neighbour br0 fd01::3', '02:42:0a:00:01:03'],
    ['neighbour br0 10.0.1.5', '02:42:0a:00:01:05'],
    ['neighbour br0 fd01::5', '02:42:0a:00:01:05'],
    ['neighbour br0 10.0.1.6', '02:42:0a:00:01:06'],
    ['neighbour br0 fd01::6', '02:42:0a:00:01:06'],
  ]);
  assert.deepEqual(of('tunnel'), [
    ['tunnel 02:42:0a:00:01:03', '192.0.2.2'],
    ['tunnel 02:42:0a:00:01:06', '192.0.2.2'],
  ]);
  assert.deepEqual(of('flood'), [['flood 192.0.2.2', '']]);
});

test('a container that is here is here, whatever an old state says', () => {
  const port = { endpointId: 'abc', mac: '02:42:0a:00:01:06', addresses: ['10.0.1.6'] };
  const facts = overlayFacts({ ...place, overlay: testOverlay(), ports: new Map([['vabc', port]]) });
  assert.equal(facts.get('fdb 02:42:0a:00:01:06'), 'vabc');
  assert.equal(facts.get('tunnel 02:42:0a:00:01:06'), undefined);
  assert.equal(facts.get('port vabc'), 'br0 hairpin on');
});

const published = (targets: string[]) => [
  { protocol: 'udp' as const, port: 53, targetPort: 5353, serviceId: 'dns', targets },
];
const state = { revision: 1, dataPathPort: 4789, networks: [testOverlay({ ingress: true })] };

test('a published port is answered from all its targets, and only packets on that way are marked', () => {
  const links = new Map([[state.networks[0]!.id, link]]);
  const input = {
    state: { ...state, published: published(['10.0.1.5']) },
    links,
    underlayAddress: '192.0.2.1',
    timeouts: false,
  };
  const { sets, chains } = hostTable(input);
  assert.deepEqual([...sets.get('published')!.elements], [['udp . 53', 'goto port_udp_53']]);
  assert.deepEqual(chains.get('port_udp_53')!.rules, [
    'meta nfproto ipv4 meta l4proto udp meta mark set meta mark or 2097152 dnat ip to numgen inc mod 1 map @port_udp_53_ip : 5353',
  ]);
  assert.equal(chains.get('forward')!.rules.at(-1), 'iifname "esm-*" drop');
});

test('an attempt to connect that nobody answers is over before the next one, where the kernel can do that', () => {
  const tcp = [{ ...published(['10.0.1.5'])[0]!, protocol: 'tcp' as const }, ...published(['10.0.1.5'])];
  const { sets, chains } = hostTable({
    state: { ...state, published: tcp },
    links: new Map([[state.networks[0]!.id, link]]),
    underlayAddress: '192.0.2.1',
    timeouts: true,
  });
  assert.deepEqual(sets.get('attempts'), {
    kind: 'ct timeout',
    declaration: 'protocol tcp; policy = { syn_sent : 1 };',
    elements: new Map(),
  });
  assert.match(
    chains.get('port_tcp_53')!.rules[0]!,
    /^meta nfproto ipv4 meta l4proto tcp ct timeout set "attempts" /,
  );
  assert.doesNotMatch(chains.get('port_udp_53')!.rules[0]!, /timeout/);
});

test('without an ingress network nothing is published', () => {
  const { chains } = hostTable({
    state: { ...state, networks: [testOverlay()], published: published(['10.0.1.5']) },
    links: new Map([[testOverlay().id, link]]),
    underlayAddress: '192.0.2.1',
    timeouts: false,
  });
  assert.deepEqual([...chains.keys()].sort(), ['forward', 'from_overlay', 'input']);
});

test('UDP flows of an endpoint that left, and to an address that had none, are forgotten', () => {
  const web = (ready: string[]) => testOverlay({ services: [{ ...testOverlay().services[0]!, ready }] });
  assert.equal(staleServiceFlows(undefined, web(['here'])), '');
  assert.equal(staleServiceFlows(web(['here']), web(['here', 'there'])), '');
  const left = staleServiceFlows(web(['here', 'there']), web(['there']));
  assert.match(left, /-D -p udp --reply-src 10\.0\.1\.5 /);
  assert.match(left, /-D -p udp --reply-src fd01::5 /);
  assert.doesNotMatch(left, /10\.0\.1\.6|orig-dst/);
  const many = Array.from({ length: 20 }, (_, i) => ({
    ...testOverlay().endpoints[0]!,
    id: `e${i}`,
    addresses: [`10.0.1.${100 + i}`],
  }));
  const crowd = { ...web(many.map(({ id }) => id)), endpoints: many };
  const crowdLeft = staleServiceFlows(crowd, { ...web([]), endpoints: many });
  assert.equal(crowdLeft.match(/conntrack -D/g)!.length, 2);
  assert.match(crowdLeft, /--orig-dst 10\.0\.1\.9 /);
  assert.match(staleServiceFlows(web([]), web(['here'])), /--orig-dst 10\.0\.1\.9 /);
  const of = (targets: string[]) => ({ networks: [], published: published(targets) });
  assert.match(
    stalePublishedFlows(of(['10.0.1.5', '10.0.1.6']), of(['10.0.1.6'])),
    /--orig-port-dst 53 --reply-src 10\.0\.1\.5 /,
  );
  assert.match(stalePublishedFlows(of([]), of(['10.0.1.6'])), /--orig-port-dst 53 >/);
});

test('TCP: attempts to reach an endpoint on a lost host are forgotten, all connections to one that is gone', () => {
  const before = testOverlay({ ingress: true });
  const [here, there] = before.endpoints;
  const lost = { ...before, endpoints: [here!, { ...there!, lost: true }] };
  const gone = { ...before, endpoints: [here!] };
  const published = (overlay: typeof before) => ({ networks: [overlay], published: [] });
  for (const flows of [
    staleServiceFlows(before, lost),
    stalePublishedFlows(published(before), published(lost)),
  ]) {
    assert.match(flows, /-D -p tcp --state SYN_SENT --reply-src 10\.0\.1\.6 /);
    assert.doesNotMatch(flows, /-p tcp --reply-src|10\.0\.1\.5/);
  }
  for (const flows of [
    staleServiceFlows(lost, gone),
    stalePublishedFlows(published(lost), published(gone)),
  ]) {
    assert.match(flows, /-D -p tcp --reply-src fd01::6 /);
    assert.doesNotMatch(flows, /10\.0\.1\.5/);
  }
  assert.equal(staleServiceFlows(lost, lost), '');
  const left = { ...before, services: [{ ...before.services[0]!, ready: [here!.id] }] };
  assert.doesNotMatch(staleServiceFlows(before, left), /-p tcp/);
  assert.equal(staleServiceFlows(left, { ...left, endpoints: [here!] }), '');
});
