import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeNode } from '../../../test/support/mini-cluster.ts';
import { type Candidate, Spread } from './spread.ts';

function candidate(id: string, more: Partial<Candidate> & { rack?: string } = {}): Candidate {
  const node = makeNode(id, '');
  const { rack, ...rest } = more;
  return {
    node: { ...node, Spec: { ...node.Spec, Labels: rack === undefined ? {} : { rack } } },
    failures: 0,
    serviceTasks: 0,
    tasks: 0,
    ...rest,
  };
}

/** Where `count` tasks go, one after the other, to nodes that never fill up. */
function place(spread: Spread, count: number): string {
  const order: string[] = [];
  for (let n = 0; n < count; n++) {
    const next = spread.next();
    if (!next) break;
    order.push(next.node.ID);
    spread.placed(true);
  }
  return order.join(' ');
}

const byRack = [{ Spread: { SpreadDescriptor: 'node.labels.rack' } }];

test('tasks of the service count before tasks in all', () => {
  const nodes = [
    candidate('a', { serviceTasks: 1, tasks: 1 }),
    candidate('b', { tasks: 9 }),
    candidate('c', { tasks: 3 }),
  ];
  assert.equal(place(new Spread(nodes, []), 4), 'c b a c');
});

test('a node with many failures comes last, one with few does not', () => {
  const nodes = [
    candidate('a', { failures: 5 }),
    candidate('b', { failures: 4, tasks: 1 }),
    candidate('c', { tasks: 7 }),
  ];
  assert.equal(place(new Spread(nodes, []), 5), 'b c b c b');
});

test('groups of a preference are filled evenly, whatever their size; nodes without the label are a group', () => {
  const nodes = [
    candidate('a1', { rack: 'a' }),
    candidate('a2', { rack: 'a' }),
    candidate('a3', { rack: 'a' }),
    candidate('b1', { rack: 'b' }),
    candidate('x'),
  ];
  const order = place(new Spread(nodes, [], byRack), 9).split(' ');
  assert.equal(order.filter((id) => id.startsWith('a')).length, 3);
  assert.equal(order.filter((id) => id === 'b1').length, 3);
  assert.equal(order.filter((id) => id === 'x').length, 3);
});

test('tasks on nodes that can take no more weigh on their group', () => {
  const spread = new Spread(
    [candidate('a1', { rack: 'a' }), candidate('b1', { rack: 'b' })],
    [candidate('a2', { rack: 'a', serviceTasks: 2 })],
    byRack,
  );
  assert.deepEqual(place(spread, 4).split(' ').sort(), ['a1', 'b1', 'b1', 'b1']);
});

test('a preference for what is no label is passed over', () => {
  const nodes = [candidate('a', { tasks: 1 }), candidate('b')];
  assert.equal(place(new Spread(nodes, [], [{ Spread: { SpreadDescriptor: 'node.id' } }, {}]), 2), 'b a');
});

test('nodes and groups that are full are left', () => {
  const spread = new Spread([candidate('a', { rack: 'a' }), candidate('b', { rack: 'b' })], [], byRack);
  assert.equal(spread.next()!.node.ID, 'a');
  spread.placed(false);
  assert.equal(place(spread, 3), 'b b b');
  spread.placed(false);
  assert.equal(spread.next(), undefined);
});

test('the counts of a service on nodes that all can take it differ by one at most, and so do those of the groups', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 }),
      fc.nat(60),
      fc.boolean(),
      (racks, count, grouped) => {
        const nodes = racks.map((rack, n) => candidate(`n${n}`, { rack }));
        const order = place(new Spread(nodes, [], grouped ? byRack : []), count)
          .split(' ')
          .filter(Boolean);
        const tally = (key: (candidate: Candidate) => string) => {
          const counts = new Map(nodes.map((node) => [key(node), 0]));
          for (const id of order) {
            const at = key(nodes.find((node) => node.node.ID === id)!);
            counts.set(at, counts.get(at)! + 1);
          }
          return [...counts.values()];
        };
        const even = tally(grouped ? ({ node }) => node.Spec.Labels!.rack! : ({ node }) => node.ID);
        assert.ok(Math.max(...even) - Math.min(...even) <= 1);
        assert.equal(order.length, count);
      },
    ),
  );
});
