import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Node, Service, Task } from '../../../model/objects.ts';
import type { Change } from '../../../store/contract.ts';
import { meta, sampleNode, sampleTask, TestCluster } from '../testing/cluster.ts';

let cluster: TestCluster;
let web: Service;
let node: Node;

beforeEach(async () => {
  cluster = await new TestCluster().found();
  node = sampleNode('node2');
  web = {
    ...meta(),
    Spec: {
      Name: 'web',
      Labels: {},
      TaskTemplate: { ContainerSpec: { Image: 'new', Isolation: 'default' } },
    },
    Endpoint: { Spec: {} },
    internal: { specVersion: 5 },
  };
  await cluster.put({ op: 'put', kind: 'service', object: web }, { op: 'put', kind: 'node', object: node });
});

async function put(...tasks: Task[]): Promise<void> {
  await cluster.put(...tasks.map((object): Change => ({ op: 'put', kind: 'task', object })));
}

test('a task is shown in Docker’s form, without what is ours', async () => {
  const task = sampleTask(web.ID, {
    Slot: 1,
    NodeID: node.ID,
    Status: {
      Timestamp: '2026-01-02T03:04:05.000Z',
      State: 'running',
      Message: 'started',
      ContainerStatus: { ContainerID: 'c', PID: 7, ExitCode: 0 },
      PortStatus: {},
    },
  });
  await put(task);
  const { text } = await cluster.ask('GET', `/tasks/${task.ID}`);
  const { Index } = cluster.store.view.get('task', task.ID)!.Version;
  const times = '"CreatedAt":"2026-01-02T03:04:05.000Z","UpdatedAt":"2026-01-02T03:04:05.000Z"';
  assert.equal(
    text,
    `{"ID":"${task.ID}","Version":{"Index":${Index}},${times},"Labels":{},"Spec":{"ContainerSpec":{"Image":"busybox","Isolation":"default"},"ForceUpdate":0},"ServiceID":"${web.ID}","Slot":1,"NodeID":"${node.ID}","Status":{"Timestamp":"2026-01-02T03:04:05.000Z","State":"running","Message":"started","ContainerStatus":{"ContainerID":"c","PID":7,"ExitCode":0},"PortStatus":{}},"DesiredState":"running","Volumes":null}\n`,
  );
  assert.equal((await cluster.ask('GET', '/tasks')).text, `[${text.trim()}]\n`);
});

test('the last task that waits says how many more are not made', async () => {
  const Status = { ...sampleTask(web.ID).Status, State: 'pending' as const, Err: 'no suitable node' };
  const internal = { ...sampleTask(web.ID).internal, unmade: 41_000 };
  const tasks = [
    sampleTask(web.ID, { Status }),
    sampleTask(web.ID, { Status, internal }),
    sampleTask(web.ID, { Status, internal, NodeID: node.ID }),
  ];
  await put(...tasks);
  const reasons = tasks.map(async ({ ID }) => {
    const { text } = await cluster.ask('GET', `/tasks/${ID}`);
    return (JSON.parse(text) as Task).Status.Err;
  });
  assert.deepEqual(await Promise.all(reasons), [
    'no suitable node',
    'and 41000 more not made yet: no suitable node',
    'no suitable node',
  ]);
});

test('lists are filtered', async () => {
  const labels = { service: { Name: 'other', Labels: { a: 'b' } }, specVersion: 0 };
  const tasks = {
    one: sampleTask(web.ID, { Slot: 1, NodeID: node.ID }),
    two: sampleTask(web.ID, { Slot: 2, DesiredState: 'shutdown' }),
    other: sampleTask('gone', { NodeID: node.ID, internal: labels }),
  };
  await put(...Object.values(tasks));
  const found = async (filters: object): Promise<string[]> => {
    const { body } = await cluster.ask(
      'GET',
      `/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}`,
    );
    const ids = (body as Task[]).map(({ ID }) => ID);
    return Object.entries(tasks).flatMap(([name, { ID }]) => (ids.includes(ID) ? [name] : []));
  };
  assert.deepEqual(await found({}), ['one', 'two', 'other']);
  assert.deepEqual(await found({ service: ['web'] }), ['one', 'two']);
  assert.deepEqual(await found({ node: ['node2'] }), ['one', 'other']);
  assert.deepEqual(await found({ service: ['web', web.ID], node: [node.ID] }), ['one']);
  assert.deepEqual(await found({ id: [tasks.two.ID.slice(0, 9)] }), ['two']);
  assert.deepEqual(await found({ name: ['web.2'] }), ['two']);
  assert.deepEqual(await found({ 'desired-state': ['RUNNING'] }), ['one', 'other']);
  assert.deepEqual(await found({ label: ['a'] }), ['other']);
  assert.deepEqual(await found({ runtime: ['plugin'] }), []);
});

test('filters that name what does not exist', async () => {
  const ask = async (filters: object) => {
    const { status, body } = await cluster.ask('GET', `/tasks?filters=${JSON.stringify(filters)}`);
    return [status, (body as { message: string }).message];
  };
  assert.deepEqual(await ask({ service: ['nope'] }), [404, 'service nope not found']);
  assert.deepEqual(await ask({ node: ['nope'] }), [404, 'node nope not found']);
  assert.deepEqual(await ask({ foo: ['x'] }), [400, "invalid filter 'foo'"]);
  assert.deepEqual(await ask({ 'desired-state': ['x'] }), [500, "Invalid desired-state filter: 'x'"]);
});

test('_up-to-date leaves out what is to be replaced', async () => {
  const fresh = sampleTask(web.ID, { internal: { specVersion: 5, service: { Name: 'web', Labels: {} } } });
  const same = sampleTask(web.ID, { Spec: { ...web.Spec.TaskTemplate } });
  const old = sampleTask(web.ID);
  await put(fresh, same, old);
  const { body } = await cluster.ask('GET', '/tasks?filters={"_up-to-date":["true"]}');
  assert.deepEqual(
    (body as Task[]).map(({ ID }) => ID),
    [fresh.ID, same.ID],
  );
});

test('a long list is whole, as of the time of the request, and lets others take their turns', async () => {
  const Labels = { text: 'x'.repeat(2000) };
  await put(...Array.from({ length: 6000 }, (_, i) => sampleTask(web.ID, { Slot: i + 1, Labels })));
  const expected = [...cluster.store.view.all('task')].map(({ ID }) => ID);
  let turns = 0;
  const count = (): void => {
    turns++;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  const asked = cluster.ask('GET', '/tasks');
  await put(sampleTask(web.ID));
  const { body } = await asked;
  clearImmediate(timer);
  assert.deepEqual(
    (body as Task[]).map(({ ID }) => ID),
    expected,
  );
  assert.ok(turns >= 4);
});
