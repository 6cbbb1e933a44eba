/** Lets at most `limit` actions run at a time, the others wait in order. */
export class Limiter {
  /** May be changed; a lower one takes effect as actions end. */
  limit: number;
  readonly #queue: Array<() => void> = [];
  #running = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Throws the signal's reason if it is aborted before the action could begin. */
  async run<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.limit || this.#queue.length > 0)
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    try {
      signal?.throwIfAborted();
      return await action();
    } finally {
      this.#running--;
      // The place is taken for the next one here, so that nobody slips in between.
      while (this.#running < this.limit && this.#queue.length > 0) {
        this.#running++;
        this.#queue.shift()!();
      }
    }
  }
}
