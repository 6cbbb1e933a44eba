import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Node } from '../../../model/objects.ts';
import { openMemoryStore } from '../../../store/memory.ts';
import { sampleNode } from '../../../store/samples.ts';
import { checkRole } from './role.ts';

const manager = (id: string, reachable = true): Node => ({
  ...sampleNode(id),
  Spec: { Role: 'manager', Availability: 'active' },
  ManagerStatus: { Reachability: reachable ? 'reachable' : 'unreachable', Addr: `${id}:2377` },
});
const withEtcd = (node: Node): Node => ({ ...node, Description: { ...node.Description!, Etcd: '3.5.30' } });

async function judged(nodes: readonly Node[], node: Node, to: string): Promise<string> {
  const store = openMemoryStore();
  await store.commit({ changes: nodes.map((object) => ({ op: 'put', kind: 'node', object })) });
  try {
    checkRole(store.view, store.view.get('node', node.ID)!, to, 'm0');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('the leader’s host and the new manager’s both need etcd', async () => {
  const [leader, worker] = [manager('m0'), sampleNode('w')];
  assert.match(await judged([leader, withEtcd(worker)], worker, 'manager'), /node m0 has no etcd/);
  assert.match(await judged([withEtcd(leader), worker], worker, 'manager'), /node w has no etcd/);
  assert.equal(await judged([withEtcd(leader), withEtcd(worker)], worker, 'manager'), '');
  assert.equal(await judged([leader, worker], worker, 'worker'), '');
});

test('a further manager is taken in only while all can be reached', async () => {
  const [leader, away, worker] = [withEtcd(manager('m0')), manager('m1', false), withEtcd(sampleNode('w'))];
  const said = await judged([leader, away, worker], worker, 'manager');
  assert.match(said, /only while all of them can be reached, and m1 cannot: bring it back, or demote it/);
});

test('a demotion is refused exactly where the other managers could not go on', async () => {
  const lists = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(lists, fc.nat(6), async (reachable, which) => {
      const nodes = reachable.map((here, i) => manager(`m${i}`, here));
      const chosen = nodes[which % nodes.length]!;
      const others = nodes.filter(({ ID }) => ID !== chosen.ID);
      const up = others.filter(({ ManagerStatus }) => ManagerStatus?.Reachability === 'reachable').length;
      const said = await judged(nodes, chosen, 'worker');
      const canNow = 2 * reachable.filter(Boolean).length > nodes.length;
      if (others.length === 0) assert.match(said, /attempting to demote the last manager of the swarm/);
      else if (canNow && 2 * up > others.length) assert.equal(said, '');
      else assert.match(said, /can't remove member from the raft: this would result in a loss of quorum/);
    }),
  );
});
