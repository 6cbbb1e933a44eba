/** For tests of the agent on a real engine: an agent that can end in any way and begin again. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { TestEngine } from '../../../test/support/engine.ts';
import { EngineClient, type EngineResponse, type RequestOptions } from '../../engine/client.ts';
import { systemClock } from '../../model/clock.ts';
import type { ContainerSpec } from '../../model/spec.ts';
import { runAgent } from '../agent.ts';
import { EngineTasks } from '../engine-tasks/engine-tasks.ts';
import { FakeManager, makeTask, NO_NETWORKS, type TaskOptions } from './manager.ts';

/** A client that can be killed as its process would be: in the middle of a request, without a word. */
class MortalEngine extends EngineClient {
  readonly #sockets: Set<Socket>;
  /** Requests that are left before it dies on its own, just after the last one was sent. */
  left = Number.POSITIVE_INFINITY;
  died = (): void => {};

  constructor(path: string) {
    const sockets = new Set<Socket>();
    super({
      name: path,
      connect: async () => {
        const socket = connect({ path, allowHalfOpen: true });
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        await once(socket, 'connect');
        return socket;
      },
    });
    this.#sockets = sockets;
  }

  override async request(method: string, path: string, options?: RequestOptions): Promise<EngineResponse> {
    if (this.left <= 0) return new Promise(() => {});
    const counts = method !== 'GET';
    if (counts) this.left--;
    const answer = super.request(method, path, options);
    if (!counts || this.left > 0) return answer;
    answer.catch(() => {});
    setTimeout(() => this.kill(), 3);
    return new Promise(() => {});
  }

  kill(): void {
    this.left = 0;
    for (const socket of this.#sockets) socket.destroy();
    this.died();
  }
}

export class Rig {
  static readonly filesOfAll = `/dev/shm/essaim-agent-${process.pid}`;
  readonly manager: FakeManager;
  readonly nodeId: string;
  readonly engine: MortalEngine;
  readonly tasks: EngineTasks;
  readonly filesFolder: string;
  /** Resolves when the agent was killed. */
  readonly killed: Promise<void>;
  readonly #socket: string;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(socket: string, nodeId: string, manager = new FakeManager()) {
    this.manager = manager;
    this.nodeId = nodeId;
    this.#socket = socket;
    this.engine = new MortalEngine(socket);
    this.killed = new Promise((resolve) => {
      this.engine.died = resolve;
    });
    this.filesFolder = `${Rig.filesOfAll}/${nodeId}`;
    const log = process.env.AGENT_LOG ? console.log : () => {};
    const { engine, filesFolder } = this;
    this.tasks = new EngineTasks({
      engine,
      networks: NO_NETWORKS,
      clock: systemClock,
      nodeId,
      filesFolder,
      log,
    });
    const tlsInfo = () => ({ TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' });
    this.#running = runAgent({
      link: { open: (request) => this.manager.open(request) },
      engine: this.tasks,
      networks: { apply: async () => {} },
      clock: systemClock,
      random: Math.random,
      log,
      tlsInfo,
      signal: this.#end.signal,
    });
  }

  /** Makes `filesOfAll` a place where an engine that starts afterwards sees what is mounted. */
  static async shareFiles(): Promise<void> {
    await mkdir(Rig.filesOfAll);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', Rig.filesOfAll]);
    execFileSync('mount', ['--make-shared', Rig.filesOfAll]);
  }

  static async removeFiles(): Promise<void> {
    execFileSync('umount', [Rig.filesOfAll]);
    await rm(Rig.filesOfAll, { recursive: true });
  }

  /** The agent is told to end. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  /** The agent is gone from one moment to the next; the manager hears no more of it. */
  kill(): void {
    this.manager.cut();
    this.engine.kill();
    this.#end.abort();
  }

  /** The agent's next life on the same host. */
  again(): Rig {
    return new Rig(this.#socket, this.nodeId, this.manager);
  }

  /** Removes all that is left of the node and ends. */
  async clear(): Promise<void> {
    await this.stop();
    await new EngineTasks({
      networks: NO_NETWORKS,
      engine: new MortalEngine(this.#socket),
      clock: systemClock,
      nodeId: this.nodeId,
      filesFolder: this.filesFolder,
      log: () => {},
    }).clear();
  }
}

let numbers = 0;

export interface Node {
  rig: Rig;
  /** A task for this node with an id of its own. */
  task(container?: ContainerSpec, options?: TaskOptions): ReturnType<typeof makeTask>;
}

/** Stops at once when asked to. */
export const SLEEP = { Command: ['sleep', '1000'], StopSignal: 'SIGKILL' };
export const shell = (script: string): ContainerSpec => ({
  Command: ['sh', '-c', script],
  StopSignal: 'SIGKILL',
});

/** Runs the body with an agent of a node of its own, and removes all of it afterwards. */
export async function onNode(engine: TestEngine, body: (node: Node) => Promise<void>): Promise<void> {
  const nodeId = `node${++numbers}`;
  const rig = new Rig(engine.socket, nodeId);
  let tasks = 0;
  const node: Node = {
    rig,
    task: (container = SLEEP, options = {}) =>
      makeTask(`${nodeId}t${++tasks}`, { ...options, nodeId, container }),
  };
  try {
    await body(node);
  } finally {
    await node.rig.clear();
  }
}

export interface Container {
  Id: string;
  State: { Status: string; Pid: number; StartedAt: string; ExitCode: number };
  Mounts: Array<{ Type: string; Name?: string; Source: string; Destination: string }>;
  NetworkSettings: { Networks: Record<string, unknown> };
}
export const inspect = (engine: TestEngine, id: string): Promise<Container> =>
  engine.client.json('GET', `/containers/${id}/json`);
export const containersOf = (
  engine: TestEngine,
  nodeId: string,
): Promise<Array<{ Id: string; State: string; Labels: Record<string, string> }>> =>
  engine.client.json('GET', '/containers/json', {
    query: { all: 1, filters: { label: [`com.docker.swarm.node.id=${nodeId}`] } },
  });

/** Looks again until it holds. The node's own reports are what is mostly waited for instead. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
