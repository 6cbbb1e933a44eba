/** What each filter of the swarm's lists finds, as a table; in both forms in which filters come. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Task } from '../../../model/objects.ts';
import { sampleNode, sampleTask, TestCluster } from './cluster.ts';

const data = Buffer.from('x').toString('base64');

describe('what each filter finds', () => {
  let cluster: TestCluster;
  const ids = new Map<string, string>();
  before(async () => {
    cluster = await new TestCluster().found();
    const create = async (kind: string, body: { Name: string }) => {
      const answer = await cluster.ask('POST', `/${kind}/create`, { body });
      assert.equal(answer.status, 201, answer.text);
      ids.set(body.Name, (answer.body as { ID: string }).ID);
    };
    for (const kind of ['secrets', 'configs'])
      for (const [Name, Labels] of [
        [`${kind}-a`, { x: '1' }],
        [`${kind}-b`, { x: '2', y: '' }],
      ] as const)
        await create(kind, { Name, Labels, Data: data } as never);
    await create('services', {
      Name: 'web',
      Labels: { x: '1' },
      TaskTemplate: { ContainerSpec: { Image: 'a' } },
    } as never);
    await create('services', {
      Name: 'webby',
      Labels: { x: '2', y: '' },
      Mode: { Global: {} },
      TaskTemplate: { ContainerSpec: { Image: 'a' } },
    } as never);
    await create('services', {
      Name: 'job',
      Mode: { ReplicatedJob: {} },
      TaskTemplate: { ContainerSpec: { Image: 'a' } },
    } as never);
    await create('services', {
      Name: 'jobs',
      Mode: { GlobalJob: {} },
      TaskTemplate: { ContainerSpec: { Image: 'a' } },
    } as never);
    const worker = sampleNode('worker1', {
      Spec: { Labels: { zone: 'z' }, Role: 'worker', Availability: 'active' },
    });
    worker.Description!.Engine.Labels = { disk: 'ssd' };
    ids.set('worker1', worker.ID).set('node1', cluster.nodeId);
    await cluster.put({ op: 'put', kind: 'node', object: worker });
    const task = (name: string, changes: Partial<Task>): Task => {
      const made = sampleTask(ids.get('web')!, changes);
      ids.set(name, made.ID);
      return made;
    };
    const { specVersion } = cluster.store.view.get('service', ids.get('web')!)!.internal;
    const labels = { service: { Name: 'web', Labels: { x: '1' } } };
    for (const object of [
      task('web.1', { Slot: 1, NodeID: worker.ID, internal: { specVersion, ...labels } }),
      task('web.2', {
        Slot: 2,
        DesiredState: 'shutdown',
        internal: { specVersion: 99, ...labels },
        Spec: { ContainerSpec: { Image: 'old' } },
      }),
      sampleTask(ids.get('webby')!, {
        NodeID: worker.ID,
        internal: { specVersion: 0, service: { Name: 'webby', Labels: {} } },
      }),
    ])
      await cluster.put({ op: 'put', kind: 'task', object });
    ids.set(`webby.${worker.ID}`, [...cluster.store.view.tasksOfService(ids.get('webby')!)][0]!.ID);
  });

  /** `#name` stands for the id of that object. */
  const rows: Array<[list: string, filters: Record<string, string[]>, found: string[]]> = [
    ...['secrets', 'configs'].flatMap(
      (kind): Array<[string, Record<string, string[]>, string[]]> => [
        [kind, {}, [`${kind}-a`, `${kind}-b`]],
        [kind, { name: [`${kind}-`] }, [`${kind}-a`, `${kind}-b`]],
        [kind, { name: [`${kind}-b`, 'other'] }, [`${kind}-b`]],
        [kind, { id: [`#${kind}-a`] }, [`${kind}-a`]],
        [kind, { id: [`#${kind}-a`], name: [`${kind}-b`] }, [`${kind}-a`, `${kind}-b`]],
        [kind, { label: ['x'] }, [`${kind}-a`, `${kind}-b`]],
        [kind, { label: ['x=2', 'y'] }, [`${kind}-b`]],
        [kind, { label: ['x=1', 'y'] }, []],
      ],
    ),
    ['secrets', { names: ['secrets-a', 'secrets-'] }, ['secrets-a']],
    ['services', {}, ['web', 'webby', 'job', 'jobs']],
    ['services', { name: ['web'] }, ['web', 'webby']],
    ['services', { name: ['webb', 'jobs'] }, ['webby', 'jobs']],
    ['services', { id: ['#web'] }, ['web']],
    ['services', { id: ['#web'], name: ['job'] }, []],
    ['services', { label: ['x'] }, ['web', 'webby']],
    ['services', { label: ['x=1'] }, ['web']],
    ['services', { mode: ['global'] }, ['webby']],
    ['services', { mode: ['replicated', 'replicated-job'] }, ['web', 'job']],
    ['services', { mode: ['global-job'] }, ['jobs']],
    ['services', { runtime: ['container'] }, ['web', 'webby', 'job', 'jobs']],
    ['services', { runtime: ['plugin'] }, []],
    ['nodes', { name: ['w'] }, ['worker1']],
    ['nodes', { id: ['#node1'] }, ['node1']],
    ['nodes', { role: ['manager'] }, ['node1']],
    ['nodes', { role: ['manager', 'worker'] }, ['node1', 'worker1']],
    ['nodes', { membership: ['accepted'] }, ['node1', 'worker1']],
    ['nodes', { label: ['disk=ssd'] }, ['worker1']],
    ['nodes', { label: ['zone'] }, []],
    ['nodes', { 'node.label': ['zone'] }, ['worker1']],
    ['nodes', { 'node.label': ['zone=a'] }, []],
    ['tasks', { service: ['web'] }, ['web.1', 'web.2']],
    ['tasks', { service: ['#webby'] }, ['webby.NODE']],
    ['tasks', { node: ['worker1'] }, ['web.1', 'webby.NODE']],
    ['tasks', { node: ['worker1'], service: ['web'] }, ['web.1']],
    ['tasks', { 'desired-state': ['shutdown'] }, ['web.2']],
    ['tasks', { 'desired-state': ['Running'] }, ['web.1', 'webby.NODE']],
    ['tasks', { id: ['#web.2'] }, ['web.2']],
    ['tasks', { name: ['web.2'] }, ['web.2']],
    ['tasks', { label: ['x=1'] }, ['web.1', 'web.2']],
    ['tasks', { runtime: ['plugin'] }, []],
    ['tasks', { '_up-to-date': ['true'], service: ['web'] }, ['web.1']],
  ];
  for (const [list, filters, found] of rows) {
    test(`${list} ${JSON.stringify(filters)}`, async () => {
      const asked = Object.entries(filters).map(([key, values]) => [
        key,
        values.map((value) => (value.startsWith('#') ? ids.get(value.slice(1))! : value)),
      ]);
      const legacy = JSON.stringify(Object.fromEntries(asked));
      const sets = asked.map(([key, values]) => [
        key,
        Object.fromEntries((values as string[]).map((v) => [v, true])),
      ]);
      const names = found.map((name) => ids.get(name.replace('NODE', ids.get('worker1')!))).sort();
      for (const form of [legacy, JSON.stringify(Object.fromEntries(sets))]) {
        const answer = await cluster.ask('GET', `/${list}?filters=${form}`);
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual((answer.body as Array<{ ID: string }>).map(({ ID }) => ID).sort(), names);
      }
    });
  }
});
