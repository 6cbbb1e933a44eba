/** What one task costs the manager does not grow with the hosts and tasks that have nothing to do with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster, makeNode, makeService } from '../../../test/support/mini-cluster.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleCluster, sampleNetwork, sampleNode } from '../../store/samples.ts';
import { CountingStore } from '../../store/testing/counting.ts';
import type { AgentSession } from '../contract.ts';
import { Dispatcher } from './dispatcher.ts';

const { Engine, ...host } = sampleNode('any').Description!;
const DESCRIPTION = { ...host, Engine: { ...Engine, Plugins: [{ Type: 'Network', Name: 'overlay' }] } };
const STEPS = ['created and placed', 'told and reported running', 'failed and replaced', 'removed'] as const;

/**
 * The objects that are looked at for one task among `hosts` hosts, each with a session and a task of its own; `network`:
 * the task is on an overlay; `replicas`: so many of its kind are made together with it.
 */
async function workOfOneTask(
  hosts: number,
  { network = false, replicas = 1 },
): Promise<Record<(typeof STEPS)[number], number>> {
  const store = new CountingStore(openMemoryStore());
  await using cluster = new MiniCluster({ store, agents: false });
  const ids = Array.from({ length: hosts }, (_, number) => `host${number}`);
  await cluster.write(
    { op: 'put', kind: 'cluster', object: sampleCluster('c', '', '') },
    ...ids.map((id): Change => ({ op: 'put', kind: 'node', object: makeNode(id, cluster.now()) })),
    { op: 'put', kind: 'network', object: sampleNetwork('front') },
    { op: 'put', kind: 'service', object: makeService('all', { Mode: { Global: {} } }, cluster.now()) },
  );
  cluster.start();
  await cluster.advance(60_000);
  const dispatcher = new Dispatcher({
    store,
    clock: cluster.clock,
    hostsMayBoot: false,
    roots: () => '',
    probe: async () => 'answered',
    afterInput: (fn) => fn(),
    rest: async () => {},
    log: { info: () => {}, error: () => {} },
  });
  const sessions = new Map(ids.map((nodeId) => [nodeId, session(nodeId)]));
  const opened = [...sessions.values()].map((each) =>
    dispatcher.opened(each, { description: DESCRIPTION, addr: '10.0.0.2' }),
  );
  await cluster.advance(1000);
  await Promise.all(opened);

  const cost = async (step: () => unknown): Promise<number> => {
    const before = store.looked;
    const done = step();
    // Within one heartbeat: those are the hosts' own cost.
    await cluster.advance(1000);
    await done;
    return store.looked - before;
  };
  const latest = () => cluster.tasks('one').at(-1)!;
  const report = (state: 'running' | 'failed' | 'shutdown') => {
    const task = latest();
    const Status = { ...task.Status, State: state };
    return dispatcher.status(sessions.get(task.NodeID!)!, {
      statuses: [{ taskId: task.ID, status: Status }],
    });
  };
  const spec: ServiceSpec = {
    Mode: { Replicated: { Replicas: replicas } },
    ...(network && { TaskTemplate: { Networks: [{ Target: 'front' }] } }),
  };
  const result = {
    [STEPS[0]]: await cost(() => cluster.addService('one', spec)),
    [STEPS[1]]: await cost(() => report('running')),
    [STEPS[2]]: await cost(() => report('failed')),
    [STEPS[3]]: await cost(() => cluster.remove('service', 'one')),
  };
  assert.equal(latest().DesiredState, 'remove');
  dispatcher.close();
  return result as Record<(typeof STEPS)[number], number>;
}

function session(nodeId: string): AgentSession {
  return {
    id: `session of ${nodeId}`,
    nodeId,
    remoteAddr: '10.0.0.9',
    signal: new AbortController().signal,
    send: () => true,
    ping: async () => {},
    close: (reason) => assert.fail(reason),
  };
}

for (const network of [false, true])
  test(`one task costs the same among 100 hosts and among 5,000${network ? ', on an overlay' : ''}`, async () => {
    const [few, many] = [await workOfOneTask(100, { network }), await workOfOneTask(5000, { network })];
    assert.deepEqual(many, few);
  });

test('fifty tasks that are made at once are placed for the same among 100 hosts and among 5,000', async () => {
  const [few, many] = [
    await workOfOneTask(100, { replicas: 50 }),
    await workOfOneTask(5000, { replicas: 50 }),
  ];
  assert.equal(many[STEPS[0]], few[STEPS[0]]);
});
