/** A manager's terms of office: what it does while it leads begins and ends with each of them. */
import type { Clock } from '../model/clock.ts';
import type { Office } from './contract.ts';

export interface Term {
  /** Ends it all; may take a moment. */
  close(): Promise<void>;
}

export interface TermsOptions<T extends Term> {
  office: Office;
  nodeId: string;
  clock: Clock;
  /** Takes up the duties. */
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
  #closed = false;

  constructor(options: TermsOptions<T>) {
    this.#options = options;
    this.#unwatch = options.office.watch(() => this.#look());
    this.#look();
  }

  /** The duties, while this manager leads. */
  get current(): T | undefined {
    return this.#leads() ? this.#term : undefined;
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
    this.#turn = this.#turn.then(() => this.#bring());
  }

  async #bring(): Promise<void> {
    try {
      if (!this.#leads() && this.#term) {
        const term = this.#term;
        this.#term = undefined;
        await term.close();
      } else if (this.#leads() && !this.#term) this.#term = await this.#options.begin();
    } catch (error) {
      this.#options.onError(error);
      if (!this.#closed) this.#cancelRetry = this.#options.clock.timer(RETRY, () => this.#look());
    }
  }
}
