/** Does one thing after the other. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when everything that was given before is done, whether it succeeded or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }
}

interface Waiting<T, R> {
  item: T;
  done: PromiseWithResolvers<R>;
}

/** Does many things of a kind in one go: those that come while others are being done are done together after them. */
export class Together<T, R> {
  readonly #work: (items: readonly T[]) => Promise<readonly R[]>;
  #waiting: Array<Waiting<T, R>> = [];
  #running: Promise<void> | undefined;

  /** @param work returns a result for each item, in order. Where it fails with several, each is tried alone. */
  constructor(work: (items: readonly T[]) => Promise<readonly R[]>) {
    this.#work = work;
  }

  add(item: T): Promise<R> {
    const done = Promise.withResolvers<R>();
    this.#waiting.push({ item, done });
    this.#running ??= this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Those that come in this very moment are taken along.
      await new Promise(setImmediate);
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#all(batch);
    }
    // In the same moment in which nothing more was found waiting.
    this.#running = undefined;
  }

  /** Never rejects: those who wait are told. */
  async #all(batch: ReadonlyArray<Waiting<T, R>>): Promise<void> {
    try {
      const results = await this.#work(batch.map(({ item }) => item));
      for (const [index, { done }] of batch.entries()) done.resolve(results[index]!);
    } catch (error) {
      if (batch.length === 1) batch[0]!.done.reject(error);
      else for (const one of batch) await this.#all([one]);
    }
  }
}
