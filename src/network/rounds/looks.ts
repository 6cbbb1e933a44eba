/** Waiting for something that is looked for again after each pass. */
export class Looks {
  readonly #waiting = new Set<() => void>();

  /** All who wait look again. */
  again(): void {
    for (const wake of this.#waiting) wake();
  }

  /**
   * Resolves with what `find` finds, now or at a later look.
   * @throws what `find` throws, or why `over` is aborted
   */
  async until<T>(find: () => T | undefined, over: AbortSignal): Promise<T> {
    for (;;) {
      over.throwIfAborted();
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          over.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        over.addEventListener('abort', wake);
      });
    }
  }
}
