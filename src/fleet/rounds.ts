/** Work that is asked for more often than it has to be done: one round at a time, for all that was asked before it. */

export class Rounds<T> {
  readonly #work: (asked: ReadonlySet<T>) => Promise<void>;
  #asked = new Set<T>();
  #next: Promise<boolean> | undefined;
  #running: Promise<boolean> | undefined;

  /** @param work does a round; what it throws is the matter of nobody who asked */
  constructor(work: (asked: ReadonlySet<T>) => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a round that began after this call is over: whether it did all that it was to do. */
  ask(...things: readonly T[]): Promise<boolean> {
    for (const thing of things) this.#asked.add(thing);
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<boolean> | undefined): Promise<boolean> {
    await running;
    const asked = this.#asked;
    this.#asked = new Set();
    this.#running = this.#next;
    this.#next = undefined;
    return this.#work(asked).then(
      () => true,
      () => false,
    );
  }
}
