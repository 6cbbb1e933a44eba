/** Several writers, one reader: a writer waits until the reader has taken what it wrote. */
export class Channel<T> {
  readonly #waiting: Array<{ value: T; taken: () => void }> = [];
  #wake: (() => void) | undefined;
  #closed = false;

  /** Resolves once the value is taken, or the channel is closed. */
  push(value: T): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ value, taken });
      this.#wake?.();
    });
  }

  /** What waits is given out still, then the reader's loop ends. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const next = this.#waiting.shift();
        if (next) {
          next.taken();
          yield next.value;
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#closed = true;
      for (const { taken } of this.#waiting.splice(0)) taken();
    }
  }
}
