/** On which node each exec instance is: what was seen when it was made, else what the nodes say. */
import type { IncomingMessage } from 'node:http';
import type { EngineClient } from '../../engine/client.ts';
import type { ManagerFace } from '../contract.ts';

/** Engines forget a finished exec within minutes; who makes more than this meanwhile has its nodes asked. */
const REMEMBERED = 10_000;
/** The answer to the making of one is far shorter. Bytes. */
const MAX_ANSWER = 4096;
/** How long a node may take to say whether an exec is its own (ms), and how many are asked at a time. */
const PATIENCE = 3000;
const AT_ONCE = 16;

export const EXEC_ID = /^[a-f0-9]{64}$/;

export class ExecNodes {
  readonly #nodes = new Map<string, string>();

  of(execId: string): string | undefined {
    return this.#nodes.get(execId);
  }

  remember(execId: string, nodeId: string): void {
    this.#nodes.delete(execId);
    this.#nodes.set(execId, nodeId);
    if (this.#nodes.size <= REMEMBERED) return;
    const [oldest] = this.#nodes.keys();
    this.#nodes.delete(oldest!);
  }

  /** Reads along when that node's engine answers that it has made one. */
  learn(answer: IncomingMessage, nodeId: string): void {
    if (answer.statusCode !== 201) return;
    let text = '';
    answer.on('data', (chunk: Buffer) => {
      if (text.length < MAX_ANSWER) text += chunk.toString('latin1');
    });
    answer.once('end', () => {
      const id = /"Id"\s*:\s*"([a-f0-9]{64})"/.exec(text)?.[1];
      if (id !== undefined) this.remember(id, nodeId);
    });
  }

  /** Asks this host's engine, then all others at once; undefined if none of those that answer in time knows it. */
  async find(execId: string, manager: ManagerFace, local: EngineClient): Promise<string | undefined> {
    const { view } = manager.store;
    let found = (await knows(local, execId, AbortSignal.timeout(PATIENCE))) ? manager.nodeId : undefined;
    const others = [...view.all('node')].filter(
      ({ ID, Status }) => ID !== manager.nodeId && Status.State === 'ready',
    );
    const enough = new AbortController();
    const ask = async (): Promise<void> => {
      for (let node = others.pop(); node && found === undefined; node = others.pop()) {
        const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(PATIENCE)]);
        if (!(await knows(manager.engineOf(node.ID), execId, signal))) continue;
        found ??= node.ID;
        enough.abort();
      }
    };
    if (found === undefined) await Promise.all(Array.from({ length: AT_ONCE }, ask));
    if (found !== undefined) this.remember(execId, found);
    return found;
  }
}

/** False also if the engine does not answer: then nothing can be done there anyway. */
async function knows(engine: EngineClient, execId: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { status, body } = await engine.request('GET', `/exec/${execId}/json`, { signal });
    body.resume();
    return status === 200;
  } catch {
    return false;
  }
}
