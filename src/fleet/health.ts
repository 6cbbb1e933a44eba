/** When a host that does not answer counts as lost. */

/** `busy`: connections to it come about, answers do not. */
export type Outcome = 'well' | 'busy' | 'gone';

/** A host that is only busy gets so many times the patience of one that is not there at all. */
const BUSY_PATIENCE = 4;

export class Health {
  readonly #retry: number;
  #missed = 0;

  /** @param retry so many looks at a host that is not there, in a row, and it is lost */
  constructor(retry: number) {
    this.#retry = retry;
  }

  note(outcome: Outcome): void {
    if (outcome === 'well') this.#missed = 0;
    else this.#missed += outcome === 'gone' ? 1 : 1 / BUSY_PATIENCE;
  }

  get isLost(): boolean {
    return this.#missed >= this.#retry;
  }

  /** In whole misses. */
  get failures(): number {
    return Math.floor(this.#missed);
  }
}
