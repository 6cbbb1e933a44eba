import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { settled, VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Task, TaskStatus } from '../../model/objects.ts';
import type { DownMessage, HostDescription } from '../../model/protocol.ts';
import type { TaskState } from '../../model/task-state.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import {
  sampleCluster,
  sampleNetwork,
  sampleNode,
  sampleSecret,
  sampleService,
  sampleTask,
} from '../../store/samples.ts';
import type { AgentSession } from '../contract.ts';
import { Dispatcher } from './dispatcher.ts';

const DESCRIPTION = sampleNode('any').Description!;
const service = sampleService('s');

function task(id: string, changes: Partial<Task> = {}): Task {
  const base = sampleTask(id, service, { NodeID: 'n', ...changes });
  return { ...base, Status: { ...base.Status, State: 'assigned' } };
}

function status(State: TaskState, Message = ''): TaskStatus {
  return { State, Message, Timestamp: '2026-02-01T00:00:00Z', PortStatus: {} };
}

/** An agent's session as the server would carry it, in memory. */
class FakeSession implements AgentSession {
  readonly remoteAddr = '10.0.0.9';
  readonly sent: DownMessage[] = [];
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;
  answers = true;
  closedFor: string | undefined;
  readonly id: string;
  readonly nodeId: string;
  readonly #onClose: (session: AgentSession, reason: string) => void;

  constructor(nodeId: string, id: string, onClose: (session: AgentSession, reason: string) => void) {
    this.nodeId = nodeId;
    this.id = id;
    this.#onClose = onClose;
  }

  send(message: DownMessage): boolean {
    this.sent.push(message);
    return true;
  }

  ping(): Promise<void> {
    return this.answers ? Promise.resolve() : new Promise(() => {});
  }

  close(reason: string): void {
    if (this.closedFor !== undefined) return;
    this.closedFor = reason;
    this.#abort.abort();
    this.#onClose(this, reason);
  }

  /** What was sent since this was last asked, without the `node` messages. */
  take(): DownMessage[] {
    return this.sent.splice(0).filter(({ type }) => type !== 'node');
  }
}

async function manager(t: TestContext, ...objects: Change[]) {
  const clock = new VirtualClock();
  const store = openMemoryStore();
  const commit = (...changes: Change[]) => store.commit({ changes });
  const put = (...tasks: Task[]) =>
    commit(...tasks.map((object): Change => ({ op: 'put', kind: 'task', object })));
  await commit(
    { op: 'put', kind: 'cluster', object: sampleCluster('c', '', '') },
    { op: 'put', kind: 'node', object: { ...sampleNode('n'), Description: undefined } },
    { op: 'put', kind: 'secret', object: sampleSecret('se', 'x') },
    ...objects,
  );
  const world = { hostAnswers: true, commits: 0, lines: [] as string[] };
  store.watch(store.view.revision, () => world.commits++);
  const start = (hostsMayBoot = true) =>
    new Dispatcher({
      hostsMayBoot,
      store,
      clock,
      roots: () => 'ROOTS',
      probe: async () => (world.hostAnswers ? 'answered' : 'silent'),
      afterInput: (fn) => fn(),
      rest: async () => {},
      log: {
        info: (_, message) => world.lines.push(message),
        error: (_, message) => world.lines.push(message),
      },
    });
  const dispatcher = start();
  t.after(() => dispatcher.close());
  let sessions = 0;
  const open = async (nodeId = 'n', answers = true, description: HostDescription = DESCRIPTION) => {
    const session = new FakeSession(nodeId, `session${++sessions}`, (s, reason) =>
      dispatcher.closed(s, reason),
    );
    session.answers = answers;
    const opened = dispatcher.opened(session, { description, addr: '10.0.0.2' });
    await clock.advance(50);
    await opened;
    return session;
  };
  const node = (id = 'n') => store.view.get('node', id)!;
  const stateOf = (id: string) => store.view.get('task', id)!.Status.State;
  return { clock, store, commit, put, world, dispatcher, open, node, stateOf, start };
}

test('a session begins with the session, the node and all assignments, and makes the node ready', async (t) => {
  const { put, open, node } = await manager(t);
  await put(task('a'));
  const { sent } = await open();
  assert.deepEqual(
    sent.map(({ type }) => type),
    ['session', 'node', 'networks', 'assignments'],
  );
  const [first, , , last] = sent;
  assert.ok(first?.type === 'session' && last?.type === 'assignments');
  assert.deepEqual([first.clusterId, first.roots, first.heartbeatPeriod], ['c', 'ROOTS', 5e9]);
  assert.deepEqual([last.full, last.tasks.map((each) => each.task.ID)], [true, ['a']]);
  assert.deepEqual(node().Status, { State: 'ready', Addr: '10.0.0.2' });
  assert.deepEqual(node().Description, DESCRIPTION);
});

test('a node that comes back as it was is not written', async (t) => {
  const { open, world } = await manager(t);
  const session = await open();
  const { commits } = world;
  session.close('broken');
  await open();
  assert.equal(world.commits, commits);
});

test('a node that is not in the store is refused', async (t) => {
  const { dispatcher } = await manager(t);
  const session = new FakeSession('stranger', 's', () => {});
  await assert.rejects(
    dispatcher.opened(session, { description: DESCRIPTION }),
    (error: unknown) => error instanceof ApiError && error.status === 403,
  );
});

test('the first change after quiet goes out at once, the following ones together', async (t) => {
  const { clock, put, open } = await manager(t);
  const session = await open();
  session.take();
  await put(task('a'));
  await clock.advance(0);
  assert.equal(session.take().length, 1);
  for (const id of ['b', 'c', 'd']) {
    await put(task(id));
    await clock.advance(2);
  }
  assert.equal(session.take().length, 0);
  await clock.advance(20);
  const [message, ...rest] = session.take();
  assert.ok(message?.type === 'assignments' && rest.length === 0);
  assert.deepEqual(
    message.tasks.map((each) => each.task.ID),
    ['b', 'c', 'd'],
  );
});

test("an agent's own reports are not sent back to it; orders and removals are", async (t) => {
  const { clock, commit, put, open, dispatcher, store, stateOf } = await manager(t);
  await put(task('a'));
  const session = await open();
  session.take();
  const reported = dispatcher.status(session, { statuses: [{ taskId: 'a', status: status('running') }] });
  await clock.advance(50);
  await reported;
  assert.equal(stateOf('a'), 'running');
  assert.deepEqual(session.take(), []);

  await put({ ...store.view.get('task', 'a')!, DesiredState: 'shutdown' });
  await clock.advance(50);
  const [order] = session.take();
  assert.ok(order?.type === 'assignments' && order.tasks[0]?.task.DesiredState === 'shutdown');
  await commit({
    op: 'delete',
    kind: 'task',
    id: 'a',
    revision: store.view.get('task', 'a')!.Version.Index,
  });
  await clock.advance(50);
  const [removal] = session.take();
  assert.ok(removal?.type === 'assignments');
  assert.deepEqual([removal.tasks, removal.removedTasks], [[], ['a']]);
});

test('that a service is gone is told at once to those who have tasks of it, and to who comes back', async (t) => {
  const other = sampleService('o');
  const { clock, commit, put, open, store } = await manager(
    t,
    { op: 'put', kind: 'service', object: service },
    { op: 'put', kind: 'service', object: other },
    { op: 'put', kind: 'node', object: { ...sampleNode('m'), Description: undefined } },
  );
  await put(task('a'), task('b', { NodeID: 'm', ServiceID: 'o' }));
  const [session, idle] = [await open(), await open('m')];
  session.take();
  idle.take();
  const revision = store.view.get('service', 's')!.Version.Index;
  await commit({ op: 'delete', kind: 'service', id: 's', revision });
  await clock.advance(0);
  const [told] = session.take();
  assert.ok(told?.type === 'assignments');
  assert.deepEqual([told.removedServices, told.tasks], [['s'], []]);
  assert.deepEqual(idle.take(), []);
  await put({ ...store.view.get('task', 'a')!, DesiredState: 'remove' });
  await clock.advance(50);
  const [order] = session.take();
  assert.ok(order?.type === 'assignments');
  assert.deepEqual(order.removedServices, []);

  const again = (await open()).take().find(({ type }) => type === 'assignments');
  assert.ok(again?.type === 'assignments' && again.full);
  assert.deepEqual(again.removedServices, ['s']);
});

test('what changes while the first assignments are being prepared is in them or follows', async (t) => {
  const { clock, put, dispatcher } = await manager(t);
  const session = new FakeSession('n', 's', () => {});
  const opened = dispatcher.opened(session, { description: DESCRIPTION });
  await put(task('a'));
  await clock.advance(50);
  await opened;
  await put(task('b'));
  await clock.advance(50);
  const told = session.take().flatMap((m) => (m.type === 'assignments' ? m.tasks : []));
  assert.deepEqual(
    told.map((each) => each.task.ID),
    ['a', 'b'],
  );
});

test('many reports become few commits, each acknowledged only when written', async (t) => {
  const { clock, put, open, dispatcher, world, stateOf } = await manager(t);
  const ids = Array.from({ length: 1200 }, (_, i) => `t${i}`);
  await put(...ids.map((id) => task(id)));
  const session = await open();
  const before = world.commits;
  let acknowledged = 0;
  const all = ids.map((taskId) =>
    dispatcher.status(session, { statuses: [{ taskId, status: status('running') }] }).then(() => {
      assert.equal(stateOf(taskId), 'running');
      acknowledged++;
    }),
  );
  assert.equal(acknowledged, 0);
  await clock.advance(100);
  await Promise.all(all);
  assert.equal(world.commits - before, 6);
});

test('a report that conflicts with another write is worked out anew', async (t) => {
  const { clock, put, store, open, dispatcher, stateOf } = await manager(t);
  await put(task('a'));
  const session = await open();
  const commit = store.commit.bind(store);
  let first = true;
  t.mock.method(store, 'commit', async (transaction: Parameters<typeof commit>[0]) => {
    if (first) {
      first = false;
      await put({ ...store.view.get('task', 'a')!, DesiredState: 'shutdown' });
    }
    return commit(transaction);
  });
  const reported = dispatcher.status(session, { statuses: [{ taskId: 'a', status: status('running') }] });
  await clock.advance(100);
  await reported;
  assert.deepEqual([stateOf('a'), store.view.get('task', 'a')?.DesiredState], ['running', 'shutdown']);
});

test('when the store fails, the agent is told and may try again', async (t) => {
  const { clock, put, store, open, dispatcher, stateOf } = await manager(t);
  await put(task('a'));
  const session = await open();
  const request = { statuses: [{ taskId: 'a', status: status('running') }] };
  const broken = t.mock.method(store, 'commit', () => Promise.reject(new Error('disk full')));
  const refused = assert.rejects(dispatcher.status(session, request), /disk full/);
  await clock.advance(100);
  await refused;
  broken.mock.restore();
  const accepted = dispatcher.status(session, request);
  await clock.advance(100);
  await accepted;
  assert.equal(stateOf('a'), 'running');
});

test('a node cannot report on the tasks of another', async (t) => {
  const { clock, put, open, dispatcher, commit, stateOf } = await manager(t);
  await commit({ op: 'put', kind: 'node', object: sampleNode('m') });
  await put(task('a'));
  const session = await open('m');
  const reported = dispatcher.status(session, {
    statuses: ['a', 'nothing'].map((taskId) => ({ taskId, status: status('failed') })),
  });
  await clock.advance(100);
  await reported;
  assert.equal(stateOf('a'), 'assigned');
});

test('a host that stops answering is down within 2.1 s, and ready again when it is back', async (t) => {
  const { clock, open, node, world } = await manager(t);
  const session = await open();
  await clock.advance(20_300);
  assert.equal(node().Status.State, 'ready');
  session.answers = false;
  world.hostAnswers = false;
  await clock.advance(2100);
  assert.deepEqual(node().Status, { State: 'down', Message: 'heartbeat failure', Addr: '10.0.0.2' });
  assert.ok(clock.now() - node().internal.downSince! < 500);
  assert.equal(session.closedFor, 'heartbeat failure');
  await open();
  assert.deepEqual([node().Status, node().internal], [{ State: 'ready', Addr: '10.0.0.2' }, {}]);
});

test('a host whose daemon has ended is unknown after a second, keeps its place for 12 periods, then is down', async (t) => {
  const { clock, open, node } = await manager(t);
  const session = await open();
  session.close('killed');
  await clock.advance(500);
  assert.equal(node().Status.State, 'ready');
  await clock.advance(500);
  assert.equal(node().Status.State, 'unknown');
  await clock.advance(57_000);
  assert.equal(node().Status.State, 'unknown');
  await clock.advance(4000);
  assert.equal(node().Status.State, 'down');
});

test('a host without an engine is unknown until it answers again, and down after 12 periods', async (t) => {
  const { clock, open, node, dispatcher } = await manager(t);
  const session = await open();
  const says = async (description: HostDescription): Promise<void> => {
    const said = dispatcher.describe(session, description);
    await clock.advance(50);
    await said;
  };
  const Addr = '10.0.0.2';
  const unknown = { State: 'unknown', Message: 'the engine of the host does not answer', Addr };
  await says({ ...DESCRIPTION, EngineAway: true });
  assert.deepEqual([node().Status, node().Description], [unknown, DESCRIPTION]);
  await clock.advance(50_000);
  await says(DESCRIPTION);
  await clock.advance(20_000);
  assert.deepEqual(node().Status, { State: 'ready', Addr });

  await says({ ...DESCRIPTION, EngineAway: true });
  await clock.advance(61_000);
  const Message = 'heartbeat failure: the host answers, its engine does not';
  assert.deepEqual(node().Status, { State: 'down', Message, Addr });
  assert.equal(session.closedFor, Message);
});

test('a host that comes back without its engine stays down until that answers', async (t) => {
  const { clock, open, node, dispatcher } = await manager(t);
  (await open()).close('killed');
  await clock.advance(61_000);
  assert.equal(node().Status.State, 'down');
  const session = await open('n', true, { ...DESCRIPTION, EngineAway: true });
  await clock.advance(61_000);
  assert.deepEqual([node().Status.State, session.closedFor], ['down', undefined]);
  const said = dispatcher.describe(session, DESCRIPTION);
  await clock.advance(50);
  await said;
  assert.equal(node().Status.State, 'ready');
});

/** What was down, and a node that has a session, under a manager that is there no more. */
async function leaderless(t: TestContext) {
  const all = await manager(t);
  const down = { State: 'down' as const, Addr: '10.0.0.5' };
  await all.commit({ op: 'put', kind: 'node', object: { ...sampleNode('lost'), Status: down } });
  await all.open();
  all.dispatcher.close();
  all.clock.pause(60_000);
  const begin = (hostsMayBoot: boolean) => {
    const second = all.start(hostsMayBoot);
    t.after(() => second.close());
  };
  return { ...all, begin };
}

test('where hosts may be booting nothing is down for 6 periods, and what was down stays down', async (t) => {
  const { clock, begin, node, store, world } = await leaderless(t);
  world.hostAnswers = false;
  const { revision } = store.view;
  begin(true);
  await clock.advance(30_000);
  assert.equal(store.view.revision, revision);
  await clock.advance(4000);
  assert.deepEqual([node().Status.State, node('lost').Status.State], ['down', 'down']);
  assert.equal(node('lost').Status.Message, undefined);
});

test('a host that was lost while nobody led is down within 4 s under the next leader', async (t) => {
  const { clock, begin, node, world } = await leaderless(t);
  world.hostAnswers = false;
  begin(false);
  await clock.advance(3000);
  assert.equal(node().Status.State, 'ready');
  await clock.advance(1000);
  assert.deepEqual([node().Status.State, node('lost').Status.State], ['down', 'down']);
});

test('a host that answers keeps its long time to come back under the next leader', async (t) => {
  const { clock, begin, node, store, world } = await leaderless(t);
  const { revision } = store.view;
  begin(false);
  await clock.advance(33_000);
  assert.equal(store.view.revision, revision);
  await clock.advance(2000);
  assert.equal(node().Status.State, 'unknown');
  world.hostAnswers = false;
  await clock.advance(4000);
  assert.equal(node().Status.State, 'down');
});

test('a pause of the manager itself is nobody’s fault', async (t) => {
  const { clock, open, node } = await manager(t);
  await open();
  for (let i = 0; i < 10; i++) {
    clock.pause(30_000);
    await clock.advance(700);
  }
  assert.equal(node().Status.State, 'ready');
});

test('a node that leaves is down at once', async (t) => {
  const { clock, open, node, dispatcher } = await manager(t);
  const session = await open();
  const left = dispatcher.leave('n');
  await clock.advance(0);
  await left;
  session.close('left');
  assert.equal(node().Status.State, 'down');
});

test('a host that is to be switched off hears when no other one leads anybody there, and is down when it has gone', async (t) => {
  const { clock, commit, put, open, dispatcher, node } = await manager(t, {
    op: 'put',
    kind: 'network',
    object: {
      ...sampleNetwork('net'),
      internal: { allocated: { vni: 4096, subnets: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.1' }] } },
    },
  });
  const place = { networks: { net: ['10.1.0.3/24'] } };
  await commit({ op: 'put', kind: 'node', object: { ...sampleNode('m'), internal: place } });
  await commit({ op: 'put', kind: 'node', object: { ...node(), internal: place } });
  const attachment = { Network: { ID: 'net' }, Addresses: ['10.1.0.9/24'] };
  const running = task('a', { NetworksAttachments: [attachment as never], DesiredState: 'running' });
  await put({ ...running, Status: { ...running.Status, State: 'running' } });
  const [session, other] = [await open(), await open('m')];
  other.take();

  let led = true;
  const away = dispatcher.away(session).then(() => {
    led = false;
  });
  await clock.advance(50);
  assert.equal(node().Status.State, 'disconnected');
  const [told] = other.take();
  assert.ok(told?.type === 'networks');
  assert.ok(told.networks.flatMap(({ services }) => services).every(({ ready }) => ready.length === 0));
  await dispatcher.networks(session, { revision: told.revision });
  assert.equal(led, true);
  await dispatcher.networks(other, { revision: told.revision });
  await away;

  session.close('gone');
  await clock.advance(50);
  assert.deepEqual([node().Status.State, node().Status.Message], ['down', 'the host was shut down']);
  await open();
  assert.equal(node().Status.State, 'ready');
});

test('hosts that go away together with their manager keep their tasks', async (t) => {
  const leader = { Leader: true, Reachability: 'reachable' as const, Addr: '10.0.0.1:2377' };
  const m = { ...sampleNode('m'), ManagerStatus: leader };
  const { clock, open, dispatcher, node, world } = await manager(t, { op: 'put', kind: 'node', object: m });
  const sessions = [await open('m'), await open()];
  for (const session of sessions) {
    const away = dispatcher.away(session);
    await clock.advance(50);
    await away;
  }
  sessions[1]!.close('gone');
  world.hostAnswers = false;
  await clock.advance(20_000);
  assert.equal(node().Status.State, 'disconnected');
});

test('a node whose leaving could not be written is still judged', async (t) => {
  const { clock, open, node, dispatcher, store, world } = await manager(t);
  const session = await open();
  const broken = t.mock.method(store, 'commit', () => Promise.reject(new Error('disk full')));
  const refused = assert.rejects(dispatcher.leave('n'), /disk full/);
  await clock.advance(0);
  await refused;
  broken.mock.restore();
  session.close('gone all the same');
  world.hostAnswers = false;
  await clock.advance(4000);
  assert.equal(node().Status.State, 'down');
});

test('a verdict that cannot be written is written once it can be, unless the node is back', async (t) => {
  const { clock, open, node, store, world } = await manager(t);
  const session = await open();
  session.answers = false;
  world.hostAnswers = false;
  const broken = t.mock.method(store, 'commit', () => Promise.reject(new Error('disk full')));
  await clock.advance(6000);
  assert.equal(node().Status.State, 'ready');
  broken.mock.restore();
  await clock.advance(1000);
  assert.equal(node().Status.State, 'down');

  await open();
  const second = await open();
  second.answers = false;
  const again = t.mock.method(store, 'commit', () => Promise.reject(new Error('disk full')));
  await clock.advance(4500);
  again.mock.restore();
  await open();
  await clock.advance(3000);
  assert.equal(node().Status.State, 'ready');
});

test('a removed node loses its session; changes of a node are sent to it', async (t) => {
  const { open, node, commit } = await manager(t);
  const session = await open();
  session.sent.length = 0;
  await commit({
    op: 'put',
    kind: 'node',
    object: { ...node(), Spec: { ...node().Spec, Labels: { a: 'b' } } },
  });
  assert.deepEqual(
    session.sent.map((message) => message.type === 'node' && message.node.Spec.Labels),
    [{ a: 'b' }],
  );
  await commit({ op: 'delete', kind: 'node', id: 'n', revision: node().Version.Index });
  assert.equal(session.closedFor, 'the node was removed from the swarm');
});

test('a shorter heartbeat period makes itself felt at once', async (t) => {
  const { clock, open, node, commit, store, world } = await manager(t);
  const session = await open();
  const [cluster] = store.view.all('cluster');
  const Spec = { ...cluster!.Spec, Dispatcher: { HeartbeatPeriod: 1e9 } };
  await commit({ op: 'put', kind: 'cluster', object: { ...cluster!, Spec } });
  await clock.advance(3000);
  session.answers = false;
  world.hostAnswers = false;
  await clock.advance(850);
  assert.equal(node().Status.State, 'down');
});

test('agents hear which managers there are, and how often they are checked, whenever it changes', async (t) => {
  const at = (Addr: string) => ({ Leader: true, Reachability: 'reachable' as const, Addr });
  const { commit, store, clock, open, node } = await manager(t, {
    op: 'put',
    kind: 'node',
    object: { ...sampleNode('m'), ManagerStatus: at('10.0.0.1:2377') },
  });
  const session = await open();
  assert.deepEqual(session.sent[0]?.type === 'session' && session.sent[0].managers, [
    { NodeID: 'm', Addr: '10.0.0.1:2377' },
  ]);
  session.take();
  await commit({ op: 'put', kind: 'node', object: { ...node(), ManagerStatus: at('10.0.0.9:2377') } });
  const unreachable = { ...node().ManagerStatus!, Reachability: 'unreachable' as const };
  await commit({ op: 'put', kind: 'node', object: { ...node(), ManagerStatus: unreachable } });
  const cluster = store.view.get('cluster', 'c')!;
  const Spec = { ...cluster.Spec, Dispatcher: { HeartbeatPeriod: 10e9 } };
  await commit({ op: 'put', kind: 'cluster', object: { ...cluster, Spec } });
  await commit({ op: 'delete', kind: 'node', id: 'm', revision: store.view.get('node', 'm')!.Version.Index });
  const short = store.view.get('cluster', 'c')!;
  const Shortest = { ...cluster.Spec, Dispatcher: { HeartbeatPeriod: 1 } };
  await commit({ op: 'put', kind: 'cluster', object: { ...short, Spec: Shortest } });
  await clock.advance(100);
  const other = { NodeID: 'n', Addr: '10.0.0.9:2377' };
  assert.deepEqual(session.take(), [
    { type: 'managers', managers: [{ NodeID: 'm', Addr: '10.0.0.1:2377' }, other] },
    { type: 'period', heartbeatPeriod: 10e9 },
    { type: 'managers', managers: [other] },
    { type: 'period', heartbeatPeriod: 1e9 },
  ]);
});

test('a session that ends while it is opened leaves nothing behind', async (t) => {
  const { clock, dispatcher, put } = await manager(t);
  const session = new FakeSession('n', 's', (s, reason) => dispatcher.closed(s, reason));
  const opened = dispatcher.opened(session, { description: DESCRIPTION });
  session.close('broken');
  await clock.advance(50);
  await opened;
  await put(task('a'));
  await settled();
  await clock.advance(50);
  assert.deepEqual(
    session.sent.map(({ type }) => type),
    ['session'],
  );
});

/** Two hosts on one network, a running task on the first. */
async function network(t: TestContext) {
  const allocated = { vni: 4097, subnets: [{ subnet: '10.0.1.0/24', gateway: '10.0.1.1' }] };
  const here = { ...sampleNetwork('net1', 'net1'), internal: { allocated } };
  const other = { ...sampleNode('m'), internal: { networks: { net1: ['10.0.1.3/24'] } } };
  const world = await manager(
    t,
    { op: 'put', kind: 'network', object: here },
    { op: 'put', kind: 'node', object: other },
  );
  const { node, commit, put, store } = world;
  await commit({
    op: 'put',
    kind: 'node',
    object: { ...node(), internal: { networks: { net1: ['10.0.1.2/24'] } } },
  });
  const a = task('a', {
    NetworksAttachments: [{ Network: { ID: 'net1', Spec: { Name: 'net1' } }, Addresses: ['10.0.1.4/24'] }],
  });
  await put({ ...a, Status: status('running') });
  const stop = () => put({ ...store.view.get('task', 'a')!, DesiredState: 'shutdown' });
  return { ...world, stop };
}

function orders(messages: readonly DownMessage[]): string[] {
  return messages.flatMap((message) =>
    message.type === 'assignments' ? message.tasks.map((each) => each.task.DesiredState) : [],
  );
}

function ready(messages: readonly DownMessage[]): string[] | undefined {
  const endpoints = messages.findLast(({ type }) => type === 'networks');
  return endpoints?.type === 'networks' ? endpoints.networks[0]?.endpoints.map(({ id }) => id) : undefined;
}

test('a task is told to stop once every host has taken note', async (t) => {
  const { dispatcher, open, stop, clock, store } = await network(t);
  const [n, m] = [await open('n'), await open('m')];
  assert.deepEqual(ready(n.take()), ['a']);
  assert.deepEqual(ready(m.take()), ['a']);
  await stop();
  const { revision } = store.view;
  await clock.advance(50);
  const told = n.take();
  assert.deepEqual([told.map(({ type }) => type), orders(told)], [['networks'], []]);
  assert.deepEqual(
    m.take().map(({ type }) => type),
    ['networks'],
  );
  await dispatcher.networks(n, { revision });
  await clock.advance(50);
  assert.deepEqual(orders(n.take()), []);
  await dispatcher.networks(m, { revision });
  await clock.advance(50);
  assert.deepEqual(orders(n.take()), ['shutdown']);
});

test('a host that is at it is waited for, for 30 s; one that cannot do it or is away for 2 s, one that is down no longer', async (t) => {
  const { dispatcher, open, stop, clock, store } = await network(t);
  const [n, m] = [await open('n'), await open('m')];
  n.take();
  await stop();
  await dispatcher.networks(n, { revision: store.view.revision });
  await clock.advance(29_900);
  assert.deepEqual(orders(n.take()), []);
  await clock.advance(200);
  assert.deepEqual(orders(n.take()), ['shutdown']);
  assert.equal(m.closedFor, undefined);

  const failing = await network(t);
  const [well, unwell] = [await failing.open('n'), await failing.open('m')];
  well.take();
  await failing.stop();
  const { revision } = failing.store.view;
  await failing.dispatcher.networks(well, { revision });
  await failing.dispatcher.networks(unwell, { revision, failed: true });
  await failing.clock.advance(1_900);
  assert.deepEqual(orders(well.take()), []);
  await failing.clock.advance(200);
  assert.deepEqual(orders(well.take()), ['shutdown']);

  const again = await network(t);
  const [first, second] = [await again.open('n'), await again.open('m')];
  first.take();
  await again.stop();
  await again.dispatcher.networks(first, { revision: again.store.view.revision });
  second.close('broken');
  await again.clock.advance(50);
  assert.deepEqual(orders(first.take()), [], 'it may be on its way back, and its balancer goes on');
  const lost = again.store.view.get('node', 'm')!;
  const object = { ...lost, Status: { ...lost.Status, State: 'down' as const } };
  await again.store.commit({ changes: [{ op: 'put', kind: 'node', object }] });
  await again.clock.advance(50);
  assert.deepEqual(orders(first.take()), ['shutdown']);
});

test('an agent that comes back meanwhile is not told earlier, and a restart of the manager loses no stop', async (t) => {
  const { dispatcher, open, stop, clock, start } = await network(t);
  await open('m');
  const n = await open('n');
  await stop();
  n.close('broken');
  const back = await open('n');
  assert.deepEqual(orders(back.take()), ['running']);
  await clock.advance(2_100);
  assert.deepEqual(orders(back.take()), []);
  await clock.advance(28_000);
  assert.deepEqual(orders(back.take()), ['shutdown']);

  dispatcher.close();
  const next = start();
  t.after(() => next.close());
  const session = new FakeSession('n', 'later', () => {});
  const opened = next.opened(session, { description: DESCRIPTION });
  await clock.advance(50);
  await opened;
  assert.deepEqual(orders(session.take()), ['running']);
  await clock.advance(30_100);
  assert.deepEqual(orders(session.take()), ['shutdown']);
});
