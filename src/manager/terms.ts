/** A manager's terms of office: what it does while it leads begins and ends with each of them. */
import type { Clock } from '../model/clock.ts';
import type { Store } from '../store/contract.ts';
import type { Office } from './contract.ts';

export interface Term {
  /** Ends it all; may take a moment. */
  close(): Promise<void>;
}

export interface TermsOptions<T extends Term> {
  office: Office;
  nodeId: string;
  clock: Clock;
  store: Store;
  /** Takes up the duties: the view shows all that was written in terms before this one. */
  begin(): Promise<T>;
  /** Told of what went wrong; what could not be begun is tried again. */
  onError(error: unknown): void;
}

/** How long (ms) until duties are taken up again that could not be. */
const RETRY = 1_000;

export class Terms<T extends Term> {
  readonly #options: TermsOptions<T>;
  readonly #unwatch: () => void;
  #term: T | undefined;
  #turn: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  /** Ends of terms of office that the duties have yet to follow. */
  #ends = 0;
  #closed = false;

  constructor(options: TermsOptions<T>) {
    this.#options = options;
    this.#unwatch = options.office.watch(() => this.#look());
    this.#look();
  }

  /** The duties, while this manager leads. */
  get current(): T | undefined {
    return this.#leads() && this.#ends === 0 ? this.#term : undefined;
  }

  /** Resolves when the duties are as who leads now would have them. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#cancelRetry?.();
    this.#look();
    await this.#turn;
  }

  #leads(): boolean {
    return !this.#closed && this.#options.office.leader() === this.#options.nodeId;
  }

  #look(): void {
    const ended = !this.#leads();
    if (ended) this.#ends++;
    this.#turn = this.#turn.then(async () => {
      if (ended) await this.#end().finally(() => this.#ends--);
      else await this.#begin();
    });
  }

  /** Another manager may have led meanwhile: what was begun in one term does not go on in the next. */
  async #end(): Promise<void> {
    const term = this.#term;
    this.#term = undefined;
    await term?.close().catch((error: unknown) => this.#options.onError(error));
  }

  async #begin(): Promise<void> {
    if (this.#term || !this.#leads()) return;
    const { store, begin } = this.#options;
    try {
      // An agent's report of a task that the view does not show yet would be taken for one of a task that is gone.
      await store.commit({ changes: [] });
      this.#term = await begin();
    } catch (error) {
      this.#options.onError(error);
      if (!this.#closed) this.#cancelRetry = this.#options.clock.timer(RETRY, () => this.#look());
    }
  }
}
