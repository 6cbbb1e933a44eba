/**
 * Watches whether anything comes from the manager of a session, which pings it every third of the heartbeat period, unless
 * it hears from this node: then it answers.
 */
import type { ClientHttp2Session } from 'node:http2';
import { ApiError } from '../model/errors.ts';
import type { Inbox } from './inbox.ts';

/** After so many periods without a sign the manager is lost. */
const SILENT_PERIODS = 3;
const LEAST_SILENCE = 2_000;
/** After so many periods without a sign others are asked whether they lead. */
const QUIET_PERIODS = 2 / 5;
const LOOK_EVERY = 250;

export interface SilenceOptions {
  connection: ClientHttp2Session;
  inbox: Inbox;
  /** Of the heartbeat, in milliseconds. */
  period: number;
  /**
   * Nothing has come for longer than two checks of the manager. Resolves with the address of another manager that says
   * that it leads; rejects if none does. Aborted when there is a sign, or the session is over.
   */
  findAnother(signal: AbortSignal): Promise<string>;
}

/** Ends the session when its manager is silent for too long, or is silent and another one leads. */
export class Silence {
  readonly #options: SilenceOptions;
  readonly #timer: NodeJS.Timeout;
  #period: number;
  #heard = performance.now();
  #looked = this.#heard;
  #search: AbortController | undefined;

  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#period = options.period;
    options.connection.on('ping', () => this.heard());
    options.inbox.onData(() => this.heard());
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    this.#timer.unref();
  }

  /** Milliseconds. */
  set period(ms: number) {
    this.#period = ms;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#search?.abort();
  }

  /** The manager has said something: it has answered, if it is nothing that is noticed here. */
  heard(): void {
    this.#heard = performance.now();
    this.#search?.abort();
    this.#search = undefined;
  }

  #look(): void {
    const now = performance.now();
    // Where this process itself was held up, what was sent meanwhile is still to be read.
    if (now - this.#looked > 4 * LOOK_EVERY) this.#heard = now;
    this.#looked = now;
    const limit = Math.max(SILENT_PERIODS * this.#period, LEAST_SILENCE);
    if (now - this.#heard > limit)
      this.#end(`nothing was heard from the manager for ${Math.round(limit / 1000)} s`);
    else if (now - this.#heard > QUIET_PERIODS * this.#period) this.#askOthers();
  }

  #askOthers(): void {
    if (this.#search) return;
    const search = new AbortController();
    this.#search = search;
    this.#options.findAnother(search.signal).then(
      (address) => {
        if (this.#search === search) this.#end(`the manager at ${address} leads the swarm now`);
      },
      // Nobody does, and nobody will: the next look asks again.
      () => {
        if (this.#search === search) this.#search = undefined;
      },
    );
  }

  #end(reason: string): void {
    this.close();
    this.#options.inbox.fail(new ApiError(503, reason));
    this.#options.connection.destroy();
  }
}
