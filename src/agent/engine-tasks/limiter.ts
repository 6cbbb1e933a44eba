/** Lets at most `limit` actions run at a time, the others wait in order. */
export class Limiter {
  readonly #limit: number;
  readonly #queue: Array<() => void> = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws the signal's reason if it is aborted before the action could begin. */
  async run<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running++;
    try {
      signal?.throwIfAborted();
      return await action();
    } finally {
      // The place is handed on, so that nobody slips in between.
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
