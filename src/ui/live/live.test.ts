import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { Actor } from '../../access/actor.ts';
import type { Change } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleNode, sampleService, sampleTask } from '../../store/samples.ts';
import { why } from '../placement/why.ts';
import type { ServiceRow } from '../protocol.ts';
import { LiveHub } from './hub.ts';
import { LogReader } from './logs.ts';

const actor = (role: Actor['role']): Actor => ({
  ...{ name: 'ann', role, stacks: new Set<string>(), scope: 'all' },
  via: { kind: 'session', id: 's', name: '' },
});

function tab(role: Actor['role'] = 'viewer') {
  const told: Array<Record<string, unknown> & { rows?: Array<{ id: string }>; gone?: string[] }> = [];
  const client = {
    actor: actor(role),
    unread: () => client.waiting,
    waiting: 0,
    send: (text: string) => void told.push(JSON.parse(text)),
    told,
  };
  return client;
}

function cluster() {
  const store = openMemoryStore();
  const clock = new VirtualClock();
  const put = (...changes: Change[]) => store.commit({ changes });
  const service = async (id: string, replicas = 1) => {
    const before = store.view.get('service', id) ?? sampleService(id);
    await put({
      op: 'put',
      kind: 'service',
      object: { ...before, Spec: { ...before.Spec, Mode: { Replicated: { Replicas: replicas } } } },
    });
  };
  return { store, clock, put, service, hub: new LiveHub(store, clock) };
}

test('a list is told as a whole, then what changes: ten changes of a row are one', async () => {
  const { clock, service, hub } = cluster();
  await service('a');
  const client = tab();
  hub.open(client, 'services');
  assert.deepEqual(
    client.told.map(({ whole, rows }) => [whole, rows?.map(({ id }) => id)]),
    [[true, ['a']]],
  );
  for (let i = 1; i <= 10; i++) await service('a', i);
  assert.equal(client.told.length, 1, 'nothing before its time');
  await clock.advance(60);
  assert.equal(client.told.length, 2);
  assert.equal((client.told[1]!.rows![0] as unknown as ServiceRow).wanted, 10);
});

test('what is gone is told; after a break only what has changed since', async () => {
  const { clock, put, store, service, hub } = cluster();
  await service('a');
  await service('b');
  const first = tab();
  hub.open(first, 'services');
  const since = first.told[0]!.revision as number;
  hub.leave(first);
  await service('b', 4);
  await put({
    op: 'delete',
    kind: 'service',
    id: 'a',
    revision: store.view.get('service', 'a')!.Version.Index,
  });
  const again = tab();
  hub.open(again, 'services', since);
  assert.equal(again.told[0]!.whole, undefined);
  assert.deepEqual([again.told[0]!.rows!.map(({ id }) => id), again.told[0]!.gone], [['b'], ['a']]);
  hub.open(again, 'nodes', 10_000);
  assert.equal(again.told[1]!.whole, true, 'a revision that is not there yet is of another time');
  await clock.advance(60);
  assert.equal(again.told.length, 2);
});

test('who reads slowly is told later, what is so then', async () => {
  const { clock, service, hub } = cluster();
  const [slow, fast] = [tab(), tab()];
  for (const client of [slow, fast]) hub.open(client, 'services');
  slow.waiting = 10 << 20;
  for (let i = 1; i <= 3; i++) {
    await service('a', i);
    await clock.advance(60);
  }
  assert.deepEqual([slow.told.length, fast.told.length], [1, 4]);
  slow.waiting = 0;
  await clock.advance(120);
  assert.equal(slow.told.length, 2);
  assert.equal((slow.told[1]!.rows![0] as unknown as ServiceRow).wanted, 3);
});

test('a list with a filter is told of nothing else', async () => {
  const { clock, put, hub } = cluster();
  const [a, b] = [sampleService('a'), sampleService('b')];
  await put(...[a, b].map((object) => ({ op: 'put', kind: 'service', object }) as const), {
    op: 'put',
    kind: 'task',
    object: sampleTask('t1', a),
  });
  const client = tab();
  hub.open(client, 'tasks?service=a');
  await put({ op: 'put', kind: 'task', object: sampleTask('t2', b) });
  await clock.advance(60);
  for (const each of client.told.slice(1)) assert.deepEqual([each.rows, each.gone], [[], undefined]);
});

test('nobody is told what is not for them, nor of lists that there are not', () => {
  const { hub } = cluster();
  const client = tab();
  for (const channel of ['audit', 'users', 'sessions', '__proto__', 'tasks?nonsense=1'])
    hub.open(client, channel);
  assert.ok(client.told.every((each) => typeof each.error === 'string'));
  const operator = tab('operator');
  hub.open(operator, 'audit');
  assert.equal(operator.told[0]!.whole, true);
});

function frame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

test('lines of a log, however they are cut', () => {
  const at = '2026-01-02T03:04:05.123456789Z';
  const details = 'com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t1';
  const bytes = Buffer.concat([frame(1, `${at} ${details} one two\n`), frame(2, `${at} ${details} é\r\n`)]);
  for (const size of [1, 7, 50, bytes.length]) {
    const reader = new LogReader(false);
    const lines = [];
    for (let from = 0; from < bytes.length; from += size)
      lines.push(...reader.push(bytes.subarray(from, from + size)));
    assert.deepEqual(lines, [
      { task: 't1', stream: 'stdout', at, text: 'one two' },
      { task: 't1', stream: 'stderr', at, text: 'é' },
    ]);
  }
});

test('why a task waits: for each node the first thing that it lacks, and by how much', async () => {
  const { put, store } = cluster();
  const service = sampleService('s');
  const waiting = sampleTask('t', service, {
    Status: { Timestamp: '', State: 'pending', Message: 'pending', PortStatus: {} },
    Spec: {
      Placement: { Constraints: ['node.labels.disk==ssd', 'node.role==worker'] },
      Resources: { Reservations: { MemoryBytes: 2 * 2 ** 30 } },
    },
  });
  const node = (id: string, changes: object) => ({ ...sampleNode(id), ...changes });
  const disk = { Spec: { Role: 'worker', Availability: 'active', Labels: { disk: 'ssd' } } };
  const small = {
    ...sampleNode('x').Description!,
    Hostname: 'small',
    Resources: { NanoCPUs: 1e9, MemoryBytes: 2 ** 30 },
  };
  await put(
    ...[
      node('down', { Status: { State: 'down', Addr: '' } }),
      node('drained', { Spec: { Role: 'worker', Availability: 'drain' } }),
      node('plain', {}),
      node('small', { ...disk, Description: small }),
      node('good', disk),
    ].map((object) => ({ op: 'put', kind: 'node', object }) as const),
    { op: 'put', kind: 'task', object: waiting },
  );
  const answer = why(store.view.get('task', 't')!, store.view, 0);
  assert.equal(answer.stage, 'schedule');
  assert.deepEqual(
    answer.nodes.map(({ name, text }) => `${name}: ${text}`),
    [
      'down: it is down',
      'drained: its availability is drain',
      'plain: it does not meet node.labels.disk==ssd',
      'small: memory: needs 2 GiB, 1 GiB free',
      'good: would fit',
    ],
  );
});
