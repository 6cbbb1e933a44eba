import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Node } from '../../../model/objects.ts';
import { sampleNode, TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
let worker: Node;

beforeEach(async () => {
  cluster = await new TestCluster().found();
  const { Description } = sampleNode('');
  worker = sampleNode('node2', {
    Spec: { Labels: { rack: 'r1' }, Role: 'worker', Availability: 'active' },
    Description: {
      ...Description!,
      Hostname: 'node2',
      Engine: { ...Description!.Engine, Labels: { disk: 'ssd' } },
    },
  });
  await cluster.put({ op: 'put', kind: 'node', object: worker });
});

const stored = (): Node => cluster.store.view.get('node', worker.ID)!;
const update = (body: object, version = stored().Version.Index) =>
  cluster.ask('POST', `/nodes/node2/update?version=${version}`, { body });
const refused = (description: string) => ({ message: `rpc error: code = ${description}` });

test('lists are filtered', async () => {
  const names = async (filters: object): Promise<string[]> => {
    const { body } = await cluster.ask('GET', `/nodes?filters=${JSON.stringify(filters)}`);
    return (body as Node[]).map(({ Description }) => Description!.Hostname);
  };
  assert.deepEqual(await names({}), ['node1', 'node2']);
  assert.deepEqual(await names({ name: ['node'] }), ['node1', 'node2']);
  assert.deepEqual(await names({ name: ['node2', 'x'] }), ['node2']);
  assert.deepEqual(await names({ id: [worker.ID.slice(0, 6)] }), ['node2']);
  assert.deepEqual(await names({ label: ['disk'] }), ['node2']);
  assert.deepEqual(await names({ label: ['rack'] }), []);
  assert.deepEqual(await names({ 'node.label': ['rack=r1'] }), ['node2']);
  assert.deepEqual(await names({ role: ['Manager'] }), ['node1']);
  assert.deepEqual(await names({ membership: ['accepted'] }), ['node1', 'node2']);
  assert.deepEqual(await names({ membership: ['pending'] }), []);
  const bad = await cluster.ask('GET', '/nodes?filters={"role":["x"]}');
  assert.deepEqual([bad.status, bad.body], [500, { message: "Invalid role filter: 'x'" }]);
});

test('a node that has not described itself yet is shown in Docker’s shape', async () => {
  const object = sampleNode('x', { Description: undefined, Status: { State: 'unknown', Addr: '' } });
  await cluster.put({ op: 'put', kind: 'node', object });
  const { body } = await cluster.ask('GET', `/nodes/${object.ID}`);
  const { Description, Status, Spec } = body as Node;
  assert.deepEqual(Description, { Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} });
  assert.deepEqual(Status, { State: 'unknown' });
  assert.deepEqual(Spec, { Labels: {}, Role: 'worker', Availability: 'active' });
});

test('an update replaces the spec', async () => {
  assert.equal((await update({ Role: 'Worker', Availability: 'Drain', Labels: { a: 'b' } })).status, 200);
  assert.deepEqual(stored().Spec, { Labels: { a: 'b' }, Role: 'worker', Availability: 'drain' });
});

test('an update needs role, availability and the present version', async () => {
  const role = await update({ Availability: 'active' });
  assert.deepEqual([role.status, role.body], [400, { message: 'invalid Role: ""' }]);
  const availability = await update({ Role: 'worker', Availability: 'x' });
  assert.deepEqual([availability.status, availability.body], [400, { message: 'invalid Availability: "x"' }]);
  const stale = await update({ Role: 'worker', Availability: 'pause' }, 1);
  assert.deepEqual([stale.status, stale.body], [500, refused('Unknown desc = update out of sequence')]);
});

test('what the cluster notes on a node does not make an update stale', async () => {
  const spec = { Role: 'worker', Availability: 'active' };
  const before = stored().Version.Index;
  await update(spec);
  const read = stored().Version.Index;
  await cluster.put({
    op: 'put',
    kind: 'node',
    object: { ...stored(), Status: { State: 'down', Addr: '' } },
  });
  assert.equal((await update(spec, before)).status, 500);
  assert.equal((await update(spec, read)).status, 200);
  assert.equal((await update(spec, read)).status, 500);
});

test('a host without etcd becomes no manager, and the last manager stays one', async () => {
  const promote = await update({ Role: 'manager', Availability: 'active' });
  assert.equal(promote.status, 400);
  assert.match(JSON.stringify(promote.body), /node node2 has no etcd.*apt-get install etcd-server/);
  const { Version } = cluster.store.view.get('node', cluster.nodeId)!;
  const demote = await cluster.ask('POST', `/nodes/node1/update?version=${Version.Index}`, {
    body: { Role: 'worker', Availability: 'active' },
  });
  const last = 'FailedPrecondition desc = attempting to demote the last manager of the swarm';
  assert.deepEqual([demote.status, demote.body], [400, refused(last)]);
});

test('a node that is up is removed only by force; its session ends', async () => {
  const up = await cluster.ask('DELETE', '/nodes/node2');
  const notDown = `FailedPrecondition desc = node ${worker.ID} is not down and can't be removed`;
  assert.deepEqual([up.status, up.body], [400, refused(notDown)]);
  assert.deepEqual(cluster.disconnected, []);
  assert.equal((await cluster.ask('DELETE', '/nodes/node2?force=1')).status, 200);
  assert.deepEqual(cluster.disconnected, [worker.ID]);
  assert.equal(cluster.store.view.get('node', worker.ID), undefined);
});

test('a node that is down is removed', async () => {
  const object = { ...stored(), Status: { State: 'down' as const, Addr: '' } };
  await cluster.put({ op: 'put', kind: 'node', object });
  assert.equal((await cluster.ask('DELETE', '/nodes/node2')).status, 200);
});

test('a manager is not removed', async () => {
  const { status, text } = await cluster.ask('DELETE', '/nodes/node1?force=1');
  assert.equal(status, 400);
  assert.match(text, /is a cluster manager and is a member of the raft cluster/);
});
