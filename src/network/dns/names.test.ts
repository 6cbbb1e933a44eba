import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NetworkState, OverlayState } from '../../model/network-state.ts';
import { canonical } from '../address.ts';
import { overlay, stateOf } from '../testing/dns.ts';
import { addressOfPointer, findName, findPointer, Names, type View } from './names.ts';

const front = overlay({
  id: 'front',
  name: 'Front',
  endpoints: [
    { id: 't1', addresses: ['10.0.1.11', 'fd01::11'], names: ['web.1.t1'] },
    { id: 't2', addresses: ['10.0.1.12', 'fd01::12'], names: ['web.2.t2'] },
    { id: 't3', addresses: ['10.0.1.13', 'fd01::13'], names: ['web.2.t3'] },
    { id: 'g1', addresses: ['10.0.1.14', 'fd01::14'], names: ['proxy.1.g1', 'Gate'] },
  ],
  services: [
    { id: 'web', name: 'web', aliases: ['www'], vips: ['10.0.1.2', 'fd01:0::2'], ready: ['t1', 't3'] },
    { id: 'proxy', name: 'proxy', aliases: ['www2', 'gate'], vips: ['10.0.1.3'], ready: ['g1'] },
  ],
});
const back = overlay({
  id: 'back',
  name: 'back.end',
  number: 2,
  internal: true,
  endpoints: [
    { id: 'g1', addresses: ['10.0.2.14'], names: ['proxy.1.g1'] },
    { id: 'd1', addresses: ['10.0.2.11'], names: ['db.1.d1'] },
    { id: 'd2', addresses: ['10.0.2.12'], names: ['db.2.d2'] },
    { id: 'alone', addresses: ['10.0.2.20'], names: ['alone'] },
  ],
  services: [
    { id: 'db', name: 'db', aliases: [], vips: [], ready: ['d1', 'd2'] },
    { id: 'empty', name: 'empty', aliases: [], vips: [], ready: [] },
    { id: 'old', name: 'old', aliases: ['both'], vips: ['10.0.2.5'], ready: ['d1'] },
    { id: 'new', name: 'new', aliases: ['BOTH'], vips: ['10.0.2.6'], ready: ['d2'] },
  ],
});
const ingress = overlay({
  id: 'ingress',
  name: 'ingress',
  number: 9,
  ingress: true,
  endpoints: [
    { id: 't1', addresses: ['10.0.9.11'], names: ['web.1.t1'] },
    { id: 'alone', addresses: ['10.0.9.20'], names: ['alone'] },
  ],
  services: [{ id: 'web', name: 'web', aliases: [], vips: ['10.0.9.2'], ready: ['t1'] }],
});
const names = new Names();
names.update(stateOf(front, back, ingress));
const ask = (view: View, name: string, family: 'v4' | 'v6' = 'v4') => {
  const found = findName(view, name, family);
  return typeof found === 'string' ? found : [...found[family]].sort();
};

test('what the containers of a network may ask', () => {
  const view = names.viewOf('front', '10.0.1.11')!;
  const table: Array<[string, string[] | string]> = [
    ['web', ['10.0.1.2']],
    ['www', ['10.0.1.2']],
    ['web.front', ['10.0.1.2']],
    ['tasks.web', ['10.0.1.11', '10.0.1.13']],
    ['tasks.www', ['10.0.1.11', '10.0.1.13']],
    ['tasks.web.front', ['10.0.1.11', '10.0.1.13']],
    ['web.1.t1', ['10.0.1.11']],
    ['web.1', ['10.0.1.11']],
    ['web.1.t1.front', ['10.0.1.11']],
    ['web.1.front', ['10.0.1.11']],
    // Two are in the slot; one of them takes part.
    ['web.2', ['10.0.1.13']],
    ['web.2.t2', ['10.0.1.12']],
    // A container's own name does not lead past the virtual address of a service that is called so.
    ['gate', ['10.0.1.3']],
    ['db', 'elsewhere'],
    ['db.back.end', 'elsewhere'],
    ['web.other', 'elsewhere'],
    ['front', 'elsewhere'],
    ['', 'elsewhere'],
    ['example.com', 'elsewhere'],
  ];
  for (const [name, wanted] of table) assert.deepEqual(ask(view, name), wanted, name);
});

test('both families; a name without an address of the asked one exists nevertheless', () => {
  const view = names.viewOf('front', '10.0.1.11')!;
  assert.deepEqual(ask(view, 'web', 'v6'), ['fd01::2']);
  assert.deepEqual(ask(view, 'tasks.web', 'v6'), ['fd01::11', 'fd01::13']);
  assert.deepEqual(ask(view, 'proxy', 'v6'), []);
});

test('round robin without virtual addresses; a service without tasks; services with the same alias', () => {
  const view = names.viewOf('back', '10.0.2.11')!;
  assert.deepEqual(ask(view, 'db'), ['10.0.2.11', '10.0.2.12']);
  assert.deepEqual(ask(view, 'empty'), []);
  assert.deepEqual(ask(view, 'tasks.empty'), []);
  assert.deepEqual(ask(view, 'both'), ['10.0.2.5', '10.0.2.6']);
  assert.deepEqual(ask(view, 'tasks.both'), ['10.0.2.11', '10.0.2.12']);
});

test('a container sees all networks that it is on, through whichever it asks', () => {
  for (const [networkId, address] of [
    ['front', '10.0.1.14'],
    ['back', '10.0.2.14'],
    ['front', 'fd01:0:0::14'],
  ] as const) {
    const view = names.viewOf(networkId, address)!;
    assert.deepEqual(ask(view, 'web'), ['10.0.1.2']);
    assert.deepEqual(ask(view, 'db'), ['10.0.2.11', '10.0.2.12']);
    assert.deepEqual(ask(view, 'db.back.end'), ['10.0.2.11', '10.0.2.12']);
    assert.deepEqual(ask(view, 'example.com'), 'elsewhere');
  }
  // The same name in both: the network asked through goes first, unless the other one has the family.
  assert.deepEqual(ask(names.viewOf('back', '10.0.2.14')!, 'proxy.1'), ['10.0.2.14']);
  assert.deepEqual(ask(names.viewOf('back', '10.0.2.14')!, 'proxy.1', 'v6'), ['fd01::14']);
  assert.deepEqual(ask(names.viewOf('front', '10.0.1.14')!, 'proxy.1'), ['10.0.1.14']);
});

test('internal networks have no world; the mesh has no names, but lets others be asked', () => {
  assert.equal(ask(names.viewOf('back', '10.0.2.11')!, 'example.com'), 'nowhere');
  assert.equal(ask(names.viewOf('back', '10.0.2.20')!, 'example.com'), 'elsewhere');
  const view = names.viewOf('ingress', '10.0.9.11')!;
  assert.deepEqual(ask(view, 'web'), ['10.0.1.2']);
  assert.equal(ask(names.viewOf('ingress', '10.0.9.77')!, 'web'), 'elsewhere');
});

test('who has name servers of its own asks them for the world', () => {
  const own = new Names();
  const [first, ...rest] = front.endpoints;
  own.update(stateOf({ ...front, endpoints: [{ ...first!, ownNameServers: true }, ...rest] }));
  const view = own.viewOf('front', '10.0.1.11')!;
  assert.deepEqual(ask(view, 'web'), ['10.0.1.2']);
  assert.equal(ask(view, 'example.com'), 'others');
  assert.equal(findPointer(view, '192.0.2.1'), 'others');
  assert.equal(ask(own.viewOf('front', '10.0.1.12')!, 'example.com'), 'elsewhere');
});

test('who is not known yet sees the network asked through; an unknown network is not answered', () => {
  const view = names.viewOf('front', '10.0.1.99')!;
  assert.deepEqual(ask(view, 'web'), ['10.0.1.2']);
  assert.equal(ask(view, 'db'), 'elsewhere');
  assert.equal(names.viewOf('other', '10.0.1.99'), undefined);
});

test('reverse look-ups', () => {
  const view = names.viewOf('front', '10.0.1.11')!;
  assert.deepEqual(findPointer(view, '10.0.1.11'), { name: 'web.1.t1.Front' });
  assert.deepEqual(findPointer(view, 'fd01::13'), { name: 'web.2.t3.Front' });
  assert.deepEqual(findPointer(view, '10.0.1.2'), { name: 'web.Front' });
  assert.equal(findPointer(view, '10.0.1.200'), 'nowhere');
  assert.equal(findPointer(view, '10.0.9.20'), 'nowhere');
  assert.equal(findPointer(view, '10.0.2.11'), 'elsewhere');
  assert.equal(findPointer(view, '192.0.2.1'), 'elsewhere');
  assert.equal(findPointer(names.viewOf('back', '10.0.2.11')!, '192.0.2.1'), 'nowhere');
});

test('addresses of reverse look-ups', () => {
  assert.equal(addressOfPointer('4.3.2.1.in-addr.arpa'), '1.2.3.4');
  for (const name of ['04.3.2.1', '256.3.2.1', '3.2.1', '5.4.3.2.1', 'x.3.2.1', ''])
    assert.equal(addressOfPointer(`${name}.in-addr.arpa`), undefined);
  assert.equal(addressOfPointer('example.com'), undefined);
  assert.equal(addressOfPointer('1.2.ip6.arpa'), undefined);
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      if (address.includes('.')) return;
      const short = canonical(address);
      assert.equal(addressOfPointer(arpaOf(short)), short);
    }),
  );
});

function arpaOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const digits = [...all.map((group) => group.padStart(4, '0')).join('')];
  return `${digits.reverse().join('.')}.ip6.arpa`;
}

const arbitraryOverlay = (number: number): fc.Arbitrary<OverlayState> =>
  fc
    .record({
      containers: fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 6 }),
      services: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom('a', 'B', 'c-c'),
          alias: fc.constantFrom(undefined, 'x', 'Y'),
          vip: fc.boolean(),
          ready: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
        }),
        { selector: (service) => service.name, maxLength: 3 },
      ),
    })
    .map(({ containers, services }) =>
      overlay({
        id: `n${number}`,
        name: `net${number}`,
        number,
        endpoints: containers.map((container) => ({
          id: `t${container}`,
          addresses: [`10.0.${number}.${10 + container}`],
          names: [`c.${container}.t${container}`],
        })),
        services: services.map(({ name, alias, vip, ready }, index) => ({
          id: name,
          name,
          aliases: alias === undefined ? [] : [alias],
          vips: vip ? [`10.0.${number}.${200 + index}`] : [],
          ready: ready
            .filter((container) => containers.includes(container))
            .map((container) => `t${container}`),
        })),
      }),
    );
const arbitraryState: fc.Arbitrary<NetworkState> = fc
  .tuple(arbitraryOverlay(1), arbitraryOverlay(2), arbitraryOverlay(3))
  .map((networks) => stateOf(...networks));
const QUESTIONS = ['a', 'b', 'c-c', 'x', 'y'].flatMap((name) => [name, `tasks.${name}`, `${name}.net2`]);

/** What the state says, found the slow way. */
function expected(state: NetworkState, container: string, name: string): string[] | 'elsewhere' {
  const shared = state.networks.filter(({ endpoints }) => endpoints.some(({ id }) => id === container));
  const within = ({ services, endpoints }: OverlayState, asked: string): string[] | undefined => {
    const bare = asked.replace(/^tasks\./, '');
    const matching = services.filter((service) =>
      [service.name, ...service.aliases].some((candidate) => candidate.toLowerCase() === bare),
    );
    if (matching.length === 0) return undefined;
    const found = matching.flatMap(({ vips, ready }) =>
      asked === bare && vips.length > 0
        ? vips
        : endpoints.filter(({ id }) => ready.includes(id)).flatMap(({ addresses }) => addresses),
    );
    return [...new Set(found)].sort();
  };
  const answers = [
    ...shared.map((network) => within(network, name)),
    ...shared.map((network) =>
      name.endsWith(`.${network.name}`)
        ? within(network, name.slice(0, -network.name.length - 1))
        : undefined,
    ),
  ].filter((answer) => answer !== undefined);
  return answers.find((answer) => answer.length > 0) ?? answers[0] ?? 'elsewhere';
}

test('however the state changes, each container gets what the state says, and only within its networks', () => {
  fc.assert(
    fc.property(fc.array(arbitraryState, { minLength: 1, maxLength: 4 }), (states) => {
      const changing = new Names();
      let before: NetworkState | undefined;
      for (const state of states) {
        // Networks that have not changed come as the same objects.
        const networks = state.networks.map((network, index) => {
          const known = before?.networks[index];
          return JSON.stringify(known) === JSON.stringify(network) ? known! : network;
        });
        before = { ...state, networks };
        changing.update(before);
        for (const { id: networkId, endpoints } of networks)
          for (const { id, addresses } of endpoints)
            for (const question of QUESTIONS) {
              const view = changing.viewOf(networkId, addresses[0]!)!;
              const order = [networkId, ...networks.map((network) => network.id)];
              const sorted = [...networks].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
              assert.deepEqual(ask(view, question), expected({ ...before, networks: sorted }, id, question));
            }
      }
    }),
    { numRuns: 60 },
  );
});

test('what has not changed is not built again', () => {
  const changing = new Names();
  changing.update(stateOf(front, back));
  const zones = () => changing.viewOf('front', '10.0.1.14')!.zones;
  const [frontZone, backZone] = zones();
  changing.update(stateOf({ ...front }, back));
  assert.notEqual(zones()[0], frontZone);
  assert.equal(zones()[1], backZone);
});
