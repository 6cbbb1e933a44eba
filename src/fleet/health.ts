/** When a host that does not answer counts as lost. */

/** `busy`: connections to it come about, answers do not. `silent`: nothing came in time. `gone`: it is sure that nobody is there. */
export type Outcome = 'well' | 'busy' | 'silent' | 'gone';

/** A host that is only busy gets so many times the patience of one that is not there at all. */
const BUSY_PATIENCE = 4;

export class Health {
  readonly #retry: number;
  #missed = 0;
  #sure = false;

  /** @param retry so many looks at a host that is not there, in a row, and it is lost */
  constructor(retry: number) {
    this.#retry = retry;
  }

  note(outcome: Outcome): void {
    if (outcome === 'well') {
      this.#missed = 0;
      this.#sure = false;
      return;
    }
    this.#missed += outcome === 'busy' ? 1 / BUSY_PATIENCE : 1;
    this.#sure ||= outcome === 'gone';
  }

  get isLost(): boolean {
    return this.#missed >= this.#retry;
  }

  /** In whole misses. One answer that was late, of the host or for us, is none yet. */
  get failures(): number {
    return Math.max(0, Math.floor(this.#missed) - (this.#sure ? 0 : 1));
  }
}
