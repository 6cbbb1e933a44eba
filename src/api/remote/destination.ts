/**
 * Whose engine answers a request about a container or an exec: on a manager, that of the host that has it. What is not
 * about a task of the swarm, and all that is about this host's own containers, stays here and goes as it came.
 */
import type { IncomingMessage } from 'node:http';
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { ManagerFace } from '../contract.ts';
import { compareVersions } from '../query.ts';
import type { ApiContext } from '../router.ts';
import type { Target } from '../target.ts';
import { EXEC_ID, ExecNodes } from './exec-nodes.ts';
import { findPlace, LEAST, type Place } from './reference.ts';
import { isHere, unreachable } from './whereabouts.ts';

/** To remove a container takes more of its id than to look at it. */
const LEAST_TO_REMOVE = 12;

export interface Destination {
  engine: EngineClient;
  /** The target there, without version prefix. */
  raw: string;
  /** The API version to ask a remote engine in; undefined for this host's own. */
  version?: string;
  /** What to tell the client if the engine does not answer. */
  explain(error: Error): Error;
  /** To be called with the engine's answer before it is read. */
  seen?(answer: IncomingMessage): void;
}

export class Destinations {
  readonly #engine: EngineClient;
  readonly #membership: ApiContext['membership'];
  readonly #execs = new ExecNodes();

  constructor({ engine, membership }: ApiContext) {
    this.#engine = engine;
    this.#membership = membership;
  }

  /**
   * Where the request goes if it is more than to be passed to this host's engine; `served` is the API version of this
   * host. Throws, or rejects with, ApiError.
   */
  of(method: string, target: Target, served: string): Promise<Destination> | undefined {
    const segments = target.path.split('/');
    const [, kind, reference = '', action] = segments;
    if (kind !== 'containers' && kind !== 'exec') return undefined;
    if (action === undefined && !(kind === 'containers' && method === 'DELETE')) return undefined;
    const manager = this.#membership.manager();
    if (!manager || !isPlain(target.raw, reference)) return undefined;
    const asked: Asked = { target, served, manager, reference };
    if (kind === 'exec') return this.#exec(asked);
    const place = findPlace(manager.store.view, reference, method === 'DELETE' ? LEAST_TO_REMOVE : LEAST);
    const makesExec = action === 'exec' && method === 'POST';
    if (!place || (place.nodeId === manager.nodeId && place.by === 'full')) {
      return makesExec ? Promise.resolve(this.#here(asked, target.raw, makesExec)) : undefined;
    }
    return this.#container(asked, place, { makesExec, inspects: action === 'json' });
  }

  async #container(
    asked: Asked,
    place: Place,
    { makesExec, inspects }: { makesExec: boolean; inspects: boolean },
  ): Promise<Destination> {
    const { manager, reference, target } = asked;
    if (place.by !== 'full' && (await isHere(this.#engine, reference))) {
      return this.#here(asked, target.raw, makesExec);
    }
    if (place.by === 'task' && inspects) {
      // `docker inspect` asks for containers first, and the id of a task means the task.
      const name = `${place.task.internal.service.Name}.${place.task.Slot || place.nodeId}`;
      throw new ApiError(404, `No such container: ${reference} (it is a task; its container is ${name})`);
    }
    const raw = renamed(target.raw, place.container);
    if (place.nodeId === manager.nodeId) return this.#here(asked, raw, makesExec);
    return this.#there(asked, raw, place.nodeId, makesExec);
  }

  #exec(asked: Asked): Promise<Destination> | undefined {
    const { manager, reference, target } = asked;
    if (!EXEC_ID.test(reference) || manager.store.view.count('node') < 2) return undefined;
    const go = (nodeId: string): Promise<Destination> => this.#there(asked, target.raw, nodeId, false);
    const known = this.#execs.of(reference);
    if (known !== undefined) return known === manager.nodeId ? undefined : go(known);
    return this.#execs.find(reference, manager, this.#engine).then((found = manager.nodeId) => {
      return found === manager.nodeId ? this.#here(asked, target.raw, false) : go(found);
    });
  }

  #here({ manager }: Asked, raw: string, makesExec: boolean): Destination {
    const seen = (answer: IncomingMessage): void => this.#execs.learn(answer, manager.nodeId);
    return { engine: this.#engine, raw, explain: (error) => error, ...(makesExec && { seen }) };
  }

  async #there(asked: Asked, raw: string, nodeId: string, makesExec: boolean): Promise<Destination> {
    const { manager, target, served } = asked;
    const explain = (error: Error): Error => unreachable(manager, nodeId, asked.reference, error);
    const engine = manager.engineOf(nodeId);
    try {
      const spoken = await engine.version();
      const version = within(target.version ?? served, spoken.MinAPIVersion, spoken.ApiVersion);
      const seen = (answer: IncomingMessage): void => this.#execs.learn(answer, nodeId);
      return { engine, raw, version, explain, ...(makesExec && { seen }) };
    } catch (error) {
      throw explain(error as Error);
    }
  }
}

interface Asked {
  target: Target;
  served: string;
  manager: ManagerFace;
  reference: string;
}

/** Whether the target as it came has the reference where the decoded path has it. */
function isPlain(raw: string, reference: string): boolean {
  return decodeURIComponent(raw.split(/[/?]/, 3)[2] ?? '') === reference;
}

/** `/containers/web.1/logs?tail=1` about another container. */
function renamed(raw: string, container: string): string {
  return raw.replace(/^(\/[^/]+\/)[^/?]+/, (_, before: string) => before + container);
}

function within(version: string, oldest: string, newest: string): string {
  if (compareVersions(version, newest) > 0) return newest;
  return compareVersions(version, oldest) < 0 ? oldest : version;
}
