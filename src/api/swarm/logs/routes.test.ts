import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startEngine, type TestEngine } from '../../../../test/support/engine.ts';
import { EngineClient } from '../../../engine/client.ts';
import type { Service, Task } from '../../../model/objects.ts';
import { meta, sampleNode, sampleTask, TestCluster } from '../testing/cluster.ts';

const ALL = 'stdout=1&stderr=1';
const START = '2026-01-02T03:04:05.000Z';

describe('logs', () => {
  let engine: TestEngine;
  let cluster: TestCluster;
  let service: Service;
  before(async () => {
    engine = await startEngine();
  });
  after(() => engine?.remove());

  async function newCluster(): Promise<void> {
    cluster = await new TestCluster().found();
    cluster.engines.set(cluster.nodeId, () => engine.client);
    service = {
      ...meta(),
      Spec: { Name: 'web', Labels: {}, TaskTemplate: { ContainerSpec: { Image: 'busybox' } } },
      Endpoint: { Spec: {} },
      internal: { specVersion: 0 },
    };
    await cluster.put({ op: 'put', kind: 'service', object: service });
  }

  /** A container that runs a script, and the task that it is of. */
  async function run(script: string, changes: Partial<Task> = {}, container: object = {}): Promise<Task> {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', script],
      HostConfig: { NetworkMode: 'none' },
      ...container,
    };
    const { Id } = await engine.client.json<{ Id: string }>('POST', '/containers/create', { body });
    await engine.client.json('POST', `/containers/${Id}/start`);
    const task = sampleTask(service.ID, {
      NodeID: cluster.nodeId,
      Status: {
        Timestamp: START,
        State: 'running',
        Message: 'started',
        ContainerStatus: { ContainerID: Id, PID: 1, ExitCode: 0 },
        PortStatus: {},
      },
      ...changes,
    });
    await cluster.put({ op: 'put', kind: 'task', object: task });
    return task;
  }

  async function ended({ Status }: Task): Promise<void> {
    await engine.client.json('POST', `/containers/${Status.ContainerStatus!.ContainerID}/wait`);
  }

  /** The texts of the frames by output. */
  function framesOf(text: string): string[] {
    const found: string[] = [];
    let bytes = Buffer.from(text, 'latin1');
    while (bytes.length > 0) {
      const end = 8 + bytes.readUInt32BE(4);
      found.push(`${bytes[0]} ${bytes.toString('utf8', 8, end)}`);
      bytes = bytes.subarray(end);
    }
    return found;
  }
  const read = async (url: string): Promise<string[]> =>
    framesOf((await cluster.ask('GET', url)).text).sort();

  test('of all tasks, with outputs, tails and details', async () => {
    await newCluster();
    const one = await run('echo one; echo two; echo err >&2');
    const other = await run('echo other; printf end');
    await Promise.all([ended(one), ended(other)]);
    assert.deepEqual(await read(`/services/web/logs?${ALL}`), [
      '1 end',
      '1 one\n',
      '1 other\n',
      '1 two\n',
      '2 err\n',
    ]);
    // The engine counts the lines of both outputs, in the order in which it has seen them.
    assert.deepEqual(await read(`/tasks/${other.ID}/logs?stdout=1&tail=1`), ['1 end']);
    assert.deepEqual(await read(`/tasks/${other.ID}/logs?${ALL}&since=9999999999`), []);
    const ids = `com.docker.swarm.node.id=${cluster.nodeId},com.docker.swarm.service.id=${service.ID},com.docker.swarm.task.id=${one.ID}`;
    assert.deepEqual(await read(`/tasks/${one.ID}/logs?stderr=1&details=1`), [`2 ${ids} err\n`]);
    const [line = ''] = await read(`/tasks/${one.ID}/logs?stderr=1&details=1&timestamps=1`);
    assert.match(line, new RegExp(`^2 20\\d\\d-\\d\\d-\\d\\dT[0-9:.]{18}Z ${ids} err\\n$`));
  });

  test('the content type says whether there are frames', async () => {
    await newCluster();
    const type = async (apiVersion: string) =>
      (await cluster.ask('GET', `/services/web/logs?${ALL}`, { apiVersion })).headers['Content-Type'];
    assert.equal(await type('1.42'), 'application/vnd.docker.multiplexed-stream');
    assert.equal(await type('1.41'), 'application/vnd.docker.raw-stream');
  });

  test('of a terminal as it is', async () => {
    await newCluster();
    const Spec = { ContainerSpec: { Image: 'busybox', TTY: true } };
    const task = await run('echo one; echo two', { Spec }, { Tty: true });
    await ended(task);
    const { text, headers } = await cluster.ask('GET', `/tasks/${task.ID}/logs?${ALL}`);
    assert.equal(text, 'one\r\ntwo\r\n');
    assert.equal(headers['Content-Type'], 'application/vnd.docker.raw-stream');
  });

  test('followed: new tasks join, and it ends with the client', async () => {
    await newCluster();
    await run('echo first; sleep 1000');
    const client = new AbortController();
    const url = `/services/web/logs?${ALL}&follow=1&tail=all`;
    const reply = await cluster.reply('GET', url, { signal: client.signal });
    assert.ok('stream' in reply);
    const lines: string[] = [];
    for await (const chunk of reply.stream) {
      lines.push(...framesOf(Buffer.from(chunk).toString('latin1')));
      if (lines.length === 1) await run('echo second; sleep 1000');
      if (lines.length === 2) client.abort();
    }
    assert.deepEqual(lines, ['1 first\n', '1 second\n']);
  });

  test('followed: it ends with the task', async () => {
    await newCluster();
    const task = await run('echo first; sleep 0.3; echo last');
    const answer = cluster.ask('GET', `/tasks/${task.ID}/logs?${ALL}&follow=1`);
    await ended(task);
    const stored = cluster.store.view.get('task', task.ID)!;
    const object = { ...stored, Status: { ...stored.Status, State: 'complete' as const } };
    await cluster.put({ op: 'put', kind: 'task', object });
    assert.deepEqual(framesOf((await answer).text), ['1 first\n', '1 last\n']);
  });

  test('a reader that stops stops what is read for it', async () => {
    await newCluster();
    await run('yes');
    const reply = await cluster.reply('GET', `/services/web/logs?${ALL}&follow=1`);
    assert.ok('stream' in reply);
    for await (const chunk of reply.stream) if (chunk.length > 0) break;
  });

  test('what cannot be read is told, and nobody waits for it long', async () => {
    await newCluster();
    const hung = sampleNode('hung');
    const lost = sampleNode('lost');
    const silent = new EngineClient({ name: 'hung', connect: () => new Promise(() => {}) });
    cluster.engines.set(hung.ID, () => silent);
    for (const object of [hung, lost]) await cluster.put({ op: 'put', kind: 'node', object });
    const good = await run('echo fine');
    await ended(good);
    for (const NodeID of [hung.ID, hung.ID, lost.ID]) {
      const { ContainerStatus } = good.Status;
      const object = sampleTask(service.ID, { NodeID, Status: { ...good.Status, ContainerStatus } });
      await cluster.put({ op: 'put', kind: 'task', object });
    }
    const gone = { ContainerID: 'f'.repeat(64), PID: 0, ExitCode: 0 };
    const removed = sampleTask(service.ID, {
      NodeID: cluster.nodeId,
      Status: { ...good.Status, ContainerStatus: gone },
    });
    await cluster.put({ op: 'put', kind: 'task', object: removed });

    const answer = read(`/services/web/logs?${ALL}`);
    const first = await Promise.race([answer, delay(6000, undefined)]);
    assert.deepEqual(first, [
      '1 fine\n',
      "2 cannot read this task's log: node hung does not answer\n",
      "2 cannot read this task's log: node hung does not answer\n",
      "2 cannot read this task's log: node lost does not answer\n",
    ]);
  });

  test('what is asked wrongly', async () => {
    await newCluster();
    const ask = async (query: string) => {
      const { status, body } = await cluster.ask('GET', `/services/web/logs?${query}`);
      return [status, (body as { message: string }).message];
    };
    assert.deepEqual(await ask(''), [400, "must specify at least one of 'stdout' or 'stderr'"]);
    assert.deepEqual(await ask('stdout=1&tail=x'), [400, 'tail value must be a positive integer or "all"']);
    assert.deepEqual(await ask('stdout=1&tail=-1'), [400, 'negative tail values not supported']);
    const since = 'could not parse since timestamp: strconv.ParseInt: parsing "x": invalid syntax';
    assert.deepEqual(await ask('stdout=1&since=x'), [400, since]);
  });
});
