import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startEngine, type TestEngine } from '../../test/support/engine.ts';
import { systemClock } from '../model/clock.ts';
import { runAgent } from './agent.ts';
import { EngineTasks } from './engine-tasks/engine-tasks.ts';
import { FakeManager, makeTask } from './testing.ts';

let engine: TestEngine;
before(async () => {
  engine = await startEngine();
});
after(() => engine?.remove());

let numbers = 0;
const newNode = () => `node${++numbers}`;

interface Rig {
  manager: FakeManager;
  nodeId: string;
  stop(): Promise<void>;
}

function rig(nodeId = newNode(), manager = new FakeManager()): Rig {
  const end = new AbortController();
  const log = process.env.AGENT_LOG ? console.log : () => {};
  const filesFolder = `/dev/shm/essaim-agent-test-${process.pid}/${nodeId}`;
  const tasks = new EngineTasks({ engine: engine.client, clock: systemClock, nodeId, filesFolder, log });
  const tlsInfo = () => ({ TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' });
  const options = { link: manager, engine: tasks, clock: systemClock, random: Math.random, log, tlsInfo };
  const running = runAgent({ ...options, signal: end.signal });
  return {
    manager,
    nodeId,
    stop: async () => {
      end.abort();
      await running;
    },
  };
}

test('a task goes through its life and is stopped', async () => {
  const { manager, nodeId, stop } = rig();
  const id = `${nodeId}t1`;
  manager.assign(
    makeTask(id, {
      nodeId,
      container: { Command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'] },
    }),
  );
  const running = await manager.until(id, 'running');
  console.log(running, manager.states(id));
  manager.desire(id, 'shutdown');
  const over = await manager.until(id, 'shutdown');
  console.log(over);
  await stop();
});
