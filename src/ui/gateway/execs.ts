/** Execs that were made at this port, and in which session: what somebody else has made opens nothing for whoever knows its id. */
import type { Actor } from '../../access/actor.ts';
import { ApiError } from '../../model/errors.ts';

/** So many are remembered. */
const MOST = 10_000;

interface Exec {
  owner: string;
  stack: string | undefined;
  started: boolean;
}

export class Execs {
  readonly #execs = new Map<string, Exec>();

  made(id: string, actor: Actor, stack: string | undefined): void {
    this.#execs.set(id, { owner: actor.via.id, stack, started: false });
    for (const oldest of this.#execs.keys()) if (this.#execs.size > MOST) this.#execs.delete(oldest);
  }

  /** What a session made with an exec is its own, once. @throws ApiError 403 */
  start(id: string, actor: Actor): void {
    const exec = this.own(id, actor);
    if (exec.started) throw new ApiError(403, 'this exec was started already: make another one');
    exec.started = true;
  }

  /** @throws ApiError 403 */
  own(id: string, actor: Actor): Exec {
    const exec = this.#execs.get(id);
    if (exec?.owner !== actor.via.id)
      throw new ApiError(403, 'this exec was not made in this session: its id alone opens nothing');
    return exec;
  }
}
