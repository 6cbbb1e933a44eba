import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../model/errors.ts';
import { candidate, GiB, occupant, wish } from '../testing/candidates.ts';
import { type Candidate, overcommitted, used } from './candidate.ts';
import type { Ask } from './container-config.ts';
import { filtersNamed, schedule } from './schedule.ts';
import { STRATEGIES } from './strategy.ts';

const scheduling = (strategy: string) => ({ strategy, filters: filtersNamed([]) });
const place = (ask: Ask, hosts: readonly Candidate[], strategy = 'spread'): string =>
  schedule(scheduling(strategy), ask, hosts, Math.random).name;
const refused = (ask: Ask, hosts: readonly Candidate[]): string => {
  try {
    place(ask, hosts);
  } catch (error) {
    assert.ok(error instanceof ApiError && error.status === 500);
    return error.message;
  }
  return 'placed';
};
const many = (count: number, changes = {}) =>
  Array.from({ length: count }, (_, i) => occupant(`c${i}`, changes));

describe('strategies', () => {
  test('spread takes the host with fewest containers, stopped ones too, binpack the one with most', () => {
    const hosts = [candidate('n1', { occupants: many(2) }), candidate('n2', { occupants: many(1) })];
    assert.equal(place(wish({}), hosts), 'n2');
    assert.equal(place(wish({}), hosts, 'binpack'), 'n1');
    assert.equal(place(wish({}), hosts, 'binpacking'), 'n1');
  });

  test('what is reserved counts before the number of containers, if something is asked for', () => {
    const few = candidate('few', { occupants: many(3, { memory: 2 * GiB }) });
    const most = candidate('most', { occupants: many(6) });
    assert.equal(place(wish({ memory: GiB }), [few, most]), 'most');
    assert.equal(place(wish({}), [few, most]), 'few');
    assert.equal(place(wish({ memory: GiB }), [few, most], 'binpack'), 'few');
  });

  test('health outweighs what is left', () => {
    const hosts = [candidate('ill', { health: 67 }), candidate('well', { occupants: many(9) })];
    assert.equal(place(wish({}), hosts), 'well');
    assert.equal(place(wish({}), hosts, 'binpack'), 'well');
  });

  test('a host that has too little left is no choice; random does not look', () => {
    const full = candidate('full', { occupants: many(1, { memory: 8 * GiB, cpus: 2 }) });
    assert.equal(refused(wish({ memory: 1 }), [full]), 'no resources available to schedule container');
    assert.equal(refused(wish({ cpus: 1 }), [full]), 'no resources available to schedule container');
    assert.equal(
      refused(wish({ memory: 9 * GiB }), [candidate('n')]),
      'no resources available to schedule container',
    );
    assert.equal(place(wish({ memory: 9 * GiB }), [full], 'random'), 'full');
    assert.equal(place(wish({}), [full]), 'full');
  });

  test('among equals any is taken', () => {
    const hosts = ['n1', 'n2', 'n3'].map((name) => candidate(name));
    const seen = new Set(Array.from({ length: 200 }, () => place(wish({}), hosts)));
    assert.equal(seen.size, 3);
  });

  test('data of a volume draw containers to them, unless told otherwise', () => {
    const volumes = (used: boolean) => new Map([['site', { used }]]);
    const hosts = [
      candidate('data', { volumes: volumes(true), occupants: many(5) }),
      candidate('empty', { volumes: volumes(false) }),
      candidate('none'),
    ];
    const ask = { volumes: ['site'] };
    assert.equal(place(wish(ask), hosts), 'data');
    assert.equal(place(wish(ask), hosts.slice(1)), 'empty');
    assert.equal(place(wish({ ...ask, constraints: ['node==none'] }), hosts), 'none');
    assert.equal(place(wish({ ...ask, volumes: ['other'] }), hosts.slice(0, 2)), 'empty');
    const full = candidate('data', { volumes: volumes(true), occupants: many(1, { memory: 8 * GiB }) });
    assert.equal(place(wish({ ...ask, memory: GiB }), [full, candidate('room')]), 'room');
  });

  test('totals are in whole numbers', () => {
    assert.equal(overcommitted(2, 5), 2);
    assert.equal(overcommitted(20, 5), 21);
    assert.equal(overcommitted(100, -50), 50);
  });
});

describe('placement', () => {
  test('a refusal has the lines of all filters up to the one that failed', () => {
    const hosts = [candidate('n1', { occupants: [occupant('c', { ports: [{ ip: '', port: 80 }] })] })];
    const first = 'Unable to find a node that satisfies the following conditions ';
    assert.equal(
      refused(wish({ ports: [{ ip: '', port: 80 }] }), hosts),
      `${first}\n[port 80 (Bridge mode)]`,
    );
    assert.equal(
      refused(wish({ constraints: ['node==n9', 'storage==ssd'] }), hosts),
      `${first}\n[available container slots]\n[node==n9 storage==ssd]`,
    );
    assert.equal(
      refused(wish({ affinities: ['image==nosuch'], constraints: ['node==n9'] }), hosts),
      `${first}\n[available container slots]\n[image==nosuch (soft=false)]`,
    );
  });

  test('without hosts, and without healthy ones', () => {
    assert.equal(refused(wish({}), []), 'No nodes available in the cluster');
    assert.equal(
      refused(wish({}), [candidate('n', { healthy: false })]),
      'No healthy node available in the cluster',
    );
  });

  test('soft expressions hold all together or none does', () => {
    const hosts = [candidate('n1', { occupants: many(3) }), candidate('n2')];
    assert.equal(place(wish({ constraints: ['node==~n1'] }), hosts), 'n1');
    assert.equal(place(wish({ constraints: ['node==~n1'], affinities: ['image==~nosuch'] }), hosts), 'n2');
    assert.equal(place(wish({ constraints: ['node==~n9'] }), hosts), 'n2');
  });

  test('soft ones are given up when the host that they mean has no room', () => {
    const hosts = [candidate('n1', { memory: GiB }), candidate('n2')];
    assert.equal(place(wish({ constraints: ['node==~n1'], memory: 2 * GiB }), hosts), 'n2');
  });

  test('filters may be left out, but not invented', () => {
    assert.deepEqual(
      filtersNamed(['constraint', 'health']).map(({ name }) => name),
      ['constraint', 'health'],
    );
    assert.throws(() => filtersNamed(['nosuch']), /filter not supported/);
  });

  test('nothing is reserved beyond what there is, and no port twice, in whatever order containers come', () => {
    const asked = fc.record({
      memory: fc.constantFrom(0, GiB, 3 * GiB),
      cpus: fc.constantFrom(0, 1, 2),
      port: fc.constantFrom(0, 80, 81),
    });
    const strategy = fc.constantFrom(...Object.keys(STRATEGIES).filter((name) => name !== 'random'));
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 30 }), strategy, (wishes, name) => {
        let hosts = ['n1', 'n2', 'n3'].map((host) => candidate(host));
        for (const [i, { memory, cpus, port }] of wishes.entries()) {
          const ports = port === 0 ? [] : [{ ip: '', port }];
          let chosen: string;
          try {
            chosen = place(wish({ memory, cpus, ports }), hosts, name);
          } catch {
            continue;
          }
          hosts = hosts.map((host) =>
            host.name === chosen
              ? { ...host, occupants: [...host.occupants, occupant(`c${i}`, { memory, cpus, ports })] }
              : host,
          );
        }
        for (const host of hosts) {
          assert.ok(used(host).memory <= host.memory && used(host).cpus <= host.cpus);
          const ports = host.occupants.flatMap((each) => each.ports.map(({ port }) => port));
          assert.equal(new Set(ports).size, ports.length);
        }
      }),
    );
  });
});
