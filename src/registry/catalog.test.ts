import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Catalog, type HostContents, TOPIC } from './catalog.ts';
import type { Instance } from './instances.ts';

const instance = (hostId: string, id: string, given: Partial<Instance> = {}): Instance => ({
  ...{ id, service: 'web', hostId, containerId: id, address: '10.0.0.1', port: 80, protocol: 'tcp' },
  ...{ tags: [], meta: {}, status: 'passing', output: '' },
  ...given,
});
const contents = (
  id: string,
  instances: Instance[],
  status: 'passing' | 'critical' = 'passing',
): HostContents => ({
  host: { id, name: `name-${id}`, address: '10.0.0.1', labels: {}, status, output: '' },
  instances,
});

describe('the catalog', () => {
  test('a change is told of its service alone', () => {
    const catalog = new Catalog(Date.now);
    const db = instance('h', 'h:db', { service: 'db' });
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web'), db])]]));
    const before = ['web', 'db'].map((name) => catalog.topics.indexOf(TOPIC.service(name)));
    const services = catalog.topics.indexOf(TOPIC.services);
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web', { status: 'critical' }), db])]]));
    const after = ['web', 'db'].map((name) => catalog.topics.indexOf(TOPIC.service(name)));
    assert.ok(after[0]! > before[0]!);
    assert.equal(after[1], before[1]);
    assert.equal(catalog.topics.indexOf(TOPIC.services), services);
    assert.equal(catalog.service('web')[0]!.createIndex, catalog.service('db')[0]!.modifyIndex);
    assert.equal(catalog.service('web')[0]!.modifyIndex, after[0]);
  });

  test('nothing new is no change', () => {
    const catalog = new Catalog(Date.now);
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web')])]]));
    const before = catalog.topics.indexOf(TOPIC.checks);
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web')])]]));
    assert.equal(catalog.topics.indexOf(TOPIC.checks), before);
  });

  test('a host that is lost changes all that is on it', () => {
    const catalog = new Catalog(Date.now);
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web')])]]));
    const before = catalog.topics.indexOf(TOPIC.service('web'));
    catalog.update(new Map([['h', contents('h', [instance('h', 'h:web')], 'critical')]]));
    assert.ok(catalog.topics.indexOf(TOPIC.service('web')) > before);
    assert.equal(catalog.service('web')[0]!.host.status, 'critical');
    catalog.update(new Map([['h', undefined]]));
    assert.deepEqual([catalog.service('web'), catalog.hosts(), [...catalog.tags()]], [[], [], []]);
  });

  /** However it came there, the catalog is as if it had been told all at once; and each index moves with what it is of. */
  test('after any sequence of changes it says what is so', () => {
    const some = fc.uniqueArray(
      fc.record({
        number: fc.integer({ min: 0, max: 5 }),
        service: fc.constantFrom('web', 'db', 'cache'),
        tags: fc.subarray(['a', 'b']),
        status: fc.constantFrom('passing' as const, 'critical' as const),
      }),
      { selector: ({ number }) => number, maxLength: 5 },
    );
    const hosts = fc.constantFrom('h1', 'h2', 'h3');
    const change = fc.tuple(hosts, fc.option(some), fc.constantFrom('passing' as const, 'critical' as const));
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), (rounds) => {
        const catalog = new Catalog(() => 1_000);
        const truth = new Map<string, HostContents>();
        const seen = (): Map<string, string> =>
          new Map(
            ['web', 'db', 'cache'].map((name) => [
              name,
              JSON.stringify(
                catalog
                  .service(name)
                  .map(({ modifyIndex: _m, createIndex: _c, host, ...rest }) => [
                    { ...rest, at: host.status },
                  ]),
              ),
            ]),
          );
        for (const round of rounds) {
          const changes = new Map<string, HostContents | undefined>();
          for (const [id, list, status] of round) {
            const instances = (list ?? []).map(({ number, ...rest }) =>
              instance(id, `${id}:${number}`, rest),
            );
            changes.set(id, list === null ? undefined : contents(id, instances, status));
          }
          for (const [id, each] of changes) each ? truth.set(id, each) : truth.delete(id);
          const before = seen();
          const indexes = new Map(
            [...before.keys()].map((n) => [n, catalog.topics.indexOf(TOPIC.service(n))]),
          );
          catalog.update(changes);
          for (const [name, text] of seen()) {
            const isSame = text === before.get(name);
            const hasMoved = catalog.topics.indexOf(TOPIC.service(name)) > indexes.get(name)!;
            if (!isSame) assert.ok(hasMoved, `${name} has changed and its index has not`);
          }
        }
        const ids = (name: string) =>
          catalog
            .service(name)
            .map(({ id }) => id)
            .sort();
        for (const name of ['web', 'db', 'cache']) {
          const wanted = [...truth.values()].flatMap(({ instances }) => instances);
          const own = wanted.filter(({ service }) => service === name);
          assert.deepEqual(ids(name), own.map(({ id }) => id).sort());
          const tags = [...new Set(own.flatMap((each) => each.tags))].sort();
          assert.deepEqual(catalog.tags().get(name), own.length > 0 ? tags : undefined);
        }
        assert.deepEqual(
          catalog.hosts().map(({ id }) => id),
          [...truth.keys()].sort(),
        );
      }),
    );
  });
});
