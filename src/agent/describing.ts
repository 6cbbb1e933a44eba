/** Tells the manager what this host is like: as a session begins, and again whenever it has changed. */
import { type Clock, pause } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import type { NodeDescription, TLSInfo } from '../model/objects.ts';
import type { HostDescription } from '../model/protocol.ts';
import type { ManagerSession, TaskEngine } from './contract.ts';

const LOOK_EVERY_MS = 20_000;
const RETRY_MS = 1_000;

export interface DescriberOptions {
  engine: Pick<TaskEngine, 'describe'>;
  clock: Clock;
  tlsInfo(): TLSInfo;
  /** The version of the etcd on this host, if there is one. */
  etcd?(): Promise<string | undefined>;
  log(message: string): void;
}

export class Describer {
  readonly #options: DescriberOptions;
  /** The last that the engine said. */
  #known: NodeDescription | undefined;
  /** What the manager was told last; undefined: what it has heard is not known. */
  #told: HostDescription | undefined;
  #engineAnswers = true;
  #session: ManagerSession | undefined;
  #stirred = false;
  #wake: (() => void) | undefined;

  constructor(options: DescriberOptions) {
    this.#options = options;
  }

  /** What a new session begins with. Rejects if the engine does not answer and has never done so. */
  async first(): Promise<HostDescription> {
    const description = await this.#describe().catch((error: unknown) => {
      if (!this.#known) throw error;
      return this.#known;
    });
    this.#told = description;
    return description;
  }

  /** The session that hears of changes from now on. */
  use(session: ManagerSession | undefined): void {
    this.#session = session;
    // It may have changed just after it was described for this session.
    if (session && (this.#told?.EngineAway ?? false) === this.#engineAnswers) this.#stir();
  }

  /** Whether the engine answers. */
  engine(answers: boolean): void {
    if (answers === this.#engineAnswers) return;
    this.#engineAnswers = answers;
    this.#options.log(answers ? 'the engine answers again' : 'the engine does not answer any more');
    this.#stir();
  }

  /** Looks for changes until aborted. */
  async keep(signal: AbortSignal): Promise<void> {
    let next = LOOK_EVERY_MS;
    while (!signal.aborted) {
      await this.#untilStirred(next, signal);
      next = LOOK_EVERY_MS;
      const session = this.#session;
      if (signal.aborted || !session) continue;
      try {
        const description = await this.#describe();
        if (JSON.stringify(description) === JSON.stringify(this.#told)) continue;
        await session.describe(description);
        if (this.#session === session) this.#told = description;
      } catch (error) {
        // The manager may have heard it all the same: whatever is so then has to be told.
        this.#told = undefined;
        next = RETRY_MS;
        this.#options.log(`the host is not described: ${messageOf(error)}`);
      }
    }
  }

  async #describe(): Promise<HostDescription> {
    if (!this.#engineAnswers && this.#known) return { ...this.#known, EngineAway: true };
    const description = await this.#options.engine.describe();
    const Etcd = await this.#options.etcd?.();
    this.#known = { ...description, TLSInfo: this.#options.tlsInfo(), ...(Etcd && { Etcd }) };
    return this.#known;
  }

  #stir(): void {
    this.#stirred = true;
    this.#wake?.();
  }

  /** At most `ms`. */
  async #untilStirred(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#stirred) {
      const stirred = new AbortController();
      this.#wake = () => stirred.abort();
      await pause(this.#options.clock, ms, AbortSignal.any([signal, stirred.signal]));
      this.#wake = undefined;
    }
    this.#stirred = false;
  }
}
