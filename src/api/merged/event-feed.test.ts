import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TestMembership, testManager } from '../../../test/support/api.ts';
import type { Node, Service } from '../../model/objects.ts';
import type { Kinds, Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleCluster, sampleNode, sampleSecret, sampleService } from '../../store/samples.ts';
import type { ClusterEvent } from './cluster-events.ts';
import { EventFeed } from './event-feed.ts';
import { FOREVER } from './event-times.ts';

const START = Date.parse('2026-03-01T00:00:00Z');

/** A feed of a host that is the manager of an empty cluster. */
function setUp() {
  const clock = { now: START };
  const membership = new TestMembership();
  const feed = new EventFeed(membership);
  const becomeManager = (): Store => {
    const store = openMemoryStore();
    const manager = testManager(store, sampleCluster('c', '', ''));
    membership.become({ state: 'active' }, { ...manager, now: () => clock.now });
    return store;
  };
  const told: ClusterEvent[] = [];
  feed.listen((event) => told.push(event));
  return { clock, membership, feed, told, becomeManager, store: becomeManager() };
}

async function put<K extends 'node' | 'service'>(
  store: Store,
  kind: K,
  id: string,
  change: (object: Kinds[K]) => Kinds[K],
): Promise<void> {
  const object = change(store.view.get(kind, id)!);
  await store.commit({ changes: [{ op: 'put', kind, object } as never] });
}
const short = ({ Type, Action, ID }: ClusterEvent): string => `${Type} ${Action} ${ID}`;

test('an event has the time at which it happened, whatever the object says of itself', async () => {
  const { clock, told, store } = setUp();
  await store.commit({ changes: [{ op: 'put', kind: 'node', object: sampleNode('n') }] });
  clock.now += 138_000;
  await put(store, 'node', 'n', (node) => ({ ...node, Spec: { ...node.Spec, Labels: { a: 'b' } } }));
  assert.deepEqual(
    told.map(({ timeNano }) => timeNano),
    [START, START + 138_000].map((ms) => BigInt(ms) * 1_000_000n),
  );
});

test('whoever goes on from the time of an event gets that one and all after it, each once', async () => {
  // What the clock does between commits (ms; it may be set back), and how many objects each changes.
  const steps = fc.array(fc.tuple(fc.constantFrom(0, 0, 1, 7, -3), fc.integer({ min: 1, max: 4 })), {
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { clock, feed, told, store } = setUp();
      let count = 0;
      for (const [ms, objects] of all) {
        clock.now += ms;
        const changes = Array.from({ length: objects }, () => {
          const object = sampleSecret(`s${count++}`, 'eA==');
          return { op: 'put', kind: 'secret', object } as const;
        });
        await store.commit({ changes });
      }
      assert.equal(told.length, count);
      for (const [index, { timeNano }] of told.entries())
        assert.deepEqual(feed.between(timeNano, FOREVER), told.slice(index));
    }),
  );
});

test('what only the cluster knows of a node or a service is told to nobody', async () => {
  const { told, store } = setUp();
  await store.commit({
    changes: [
      { op: 'put', kind: 'node', object: sampleNode('n') },
      { op: 'put', kind: 'service', object: sampleService('s') },
    ],
  });
  told.length = 0;
  const networks = { net: ['10.0.1.2/24'] };
  await put(store, 'node', 'n', (node) => ({
    ...node,
    UpdatedAt: 'later',
    Description: { ...node.Description!, Routes: ['10.0.0.0/8'] },
    internal: { ...node.internal, networks },
  }));
  const update = { run: 'r', specVersion: 1, rollback: false, startedAt: 0, slots: 1, failures: 0 };
  await put(store, 'service', 's', (service) => ({
    ...service,
    internal: { ...service.internal, update },
  }));
  assert.equal(told.length, 0);

  // A user's update that changes nothing is told of, and so is what no attribute names.
  const updated = <T extends Node | Service>(object: T): T => ({
    ...object,
    internal: { ...object.internal, specAfter: object.Version.Index },
  });
  await put(store, 'node', 'n', updated);
  await put(store, 'service', 's', updated);
  await put(store, 'node', 'n', (node) => ({ ...node, Status: { ...node.Status, Message: 'well' } }));
  assert.deepEqual(told.map(short), ['node update n', 'service update s', 'node update n']);
  assert.deepEqual(told[0]!.attributes, { name: 'n' });
});

test('a host that becomes a manager tells what happens then, without being asked for anything', async () => {
  const { membership, feed, told, becomeManager, store } = setUp();
  const secret = (id: string) =>
    ({ changes: [{ op: 'put', kind: 'secret', object: sampleSecret(id, 'eA==') }] }) as const;
  await store.commit(secret('first'));
  membership.become({ state: 'inactive' });
  await store.commit(secret('unseen'));
  await becomeManager().commit(secret('second'));
  assert.deepEqual(told.map(short), ['secret create first', 'secret create second']);
  assert.deepEqual(feed.between(0n, FOREVER), told);
});

test('the last 256 events are remembered, at least', async () => {
  const { feed, store } = setUp();
  for (let i = 0; i < 1000; i++) {
    const object = sampleSecret(`s${i}`, 'eA==');
    await store.commit({ changes: [{ op: 'put', kind: 'secret', object }] });
  }
  const remembered = feed.between(0n, FOREVER);
  assert.ok(remembered.length >= 256 && remembered.length <= 512, `${remembered.length}`);
  assert.equal(remembered.at(-1)!.ID, 's999');
});
