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
