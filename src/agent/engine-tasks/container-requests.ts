/** What is asked of the engine about the containers of this node's tasks. Each rejects with the engine's error. */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { type TaskContainer, TemporaryError } from '../contract.ts';
import { type ContainerInspect, type ContainerSummary, fromInspect, fromSummary } from './containers.ts';
import { LABEL } from './names.ts';

/** By a request that an agent has made and that it, having ended meanwhile, got no answer to. */
const BEING_MADE = 'the engine is still making the container';

/** What is known of a task's container from what was done here; lost with the process, and then asked for. */
interface Known {
  containerId: string;
  /** Created here and not started yet. */
  fresh: boolean;
}

export class ContainerRequests {
  readonly #engine: EngineClient;
  readonly #nodeId: string;
  readonly #known = new Map<string, Known>();

  constructor(engine: EngineClient, nodeId: string) {
    this.#engine = engine;
    this.#nodeId = nodeId;
  }

  async list(): Promise<TaskContainer[]> {
    const summaries = await this.#summaries([`${LABEL.nodeId}=${this.#nodeId}`]);
    const containers = summaries.filter((one) => one.Labels[LABEL.taskId]).map(fromSummary);
    for (const { taskId, containerId } of containers) {
      if (!this.#known.has(taskId)) this.#known.set(taskId, { containerId, fresh: false });
    }
    return containers;
  }

  /** The id of a task's container, if it has one. */
  async of(taskId: string): Promise<string | undefined> {
    return this.#known.get(taskId)?.containerId ?? (await this.#find(taskId));
  }

  /** True once for a container that was created here: it was certainly not started before. */
  takeFresh(taskId: string): boolean {
    const known = this.#known.get(taskId);
    const fresh = known?.fresh ?? false;
    if (known) known.fresh = false;
    return fresh;
  }

  forget(taskId: string): void {
    this.#known.delete(taskId);
  }

  /** @param body of the engine's request @returns the id of the container, which an earlier attempt may have made */
  async create(taskId: string, name: string, body: unknown): Promise<string> {
    try {
      const query = { name };
      const { Id } = await this.#engine.json<{ Id: string }>('POST', '/containers/create', { query, body });
      this.#known.set(taskId, { containerId: Id, fresh: true });
      return Id;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      // An earlier attempt, whose answer was lost, has made it.
      const id = await this.#find(taskId);
      if (id === undefined) throw new TemporaryError(BEING_MADE);
      return id;
    }
  }

  async connect(id: string, network: string, endpoint: unknown): Promise<void> {
    const body = { Container: id, EndpointConfig: endpoint };
    try {
      await this.#engine.json('POST', `/networks/${encodeURIComponent(network)}/connect`, { body });
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (!/already exists in network|is already attached to network/.test(message)) throw error;
    }
  }

  async start(id: string): Promise<void> {
    await this.#engine.json('POST', `/containers/${id}/start`);
  }

  /** Undefined: there is none. Rejects with a TemporaryError while the engine is still making it. */
  async inspect(id: string): Promise<TaskContainer | undefined> {
    const answer = await unless404(() =>
      this.#engine.json<ContainerInspect>('GET', `/containers/${id}/json`),
    );
    if (answer) return fromInspect(answer);
    // An engine lists a container by its labels while it is still making it, but not always by its id, and says to
    // everything else that there is none.
    const listed = await this.#summaries([`${LABEL.nodeId}=${this.#nodeId}`]);
    if (listed.some(({ Id }) => Id === id)) throw new TemporaryError(BEING_MADE);
    return undefined;
  }

  /** Resolves when the container does not run; 304 and 404 say that it did not. */
  async stop(id: string, seconds: number): Promise<void> {
    const query = { t: seconds };
    await unless404(() => this.#engine.json('POST', `/containers/${id}/stop`, { query }));
  }

  async remove(id: string): Promise<void> {
    const query = { force: 1, v: 1 };
    try {
      await unless404(() => this.#engine.json('DELETE', `/containers/${id}`, { query }));
    } catch (error) {
      // Somebody else is at it: soon it is gone, and whoever asks again will see that.
      if (!(error instanceof ApiError && /already in progress/.test(error.message))) throw error;
    }
  }

  async #find(taskId: string): Promise<string | undefined> {
    const found = await this.#summaries([`${LABEL.taskId}=${taskId}`, `${LABEL.nodeId}=${this.#nodeId}`]);
    const id = found[0]?.Id;
    if (id !== undefined) this.#known.set(taskId, { containerId: id, fresh: false });
    return id;
  }

  #summaries(label: string[]): Promise<ContainerSummary[]> {
    return this.#engine.json('GET', '/containers/json', { query: { all: 1, filters: { label } } });
  }
}

async function unless404<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}
