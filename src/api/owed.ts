/** Connections that are owed an answer. */
import type { Duplex } from 'node:stream';

export class Owed {
  readonly #connections = new Set<Duplex>();
  readonly #settling = new Set<() => void>();

  add(connection: Duplex): void {
    this.#connections.add(connection);
    connection.once('close', () => this.pay(connection));
  }

  /** The connection has its answer, or will never have one. */
  pay(connection: Duplex): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) for (const resolve of this.#settling) resolve();
  }

  /** Resolves when nothing is owed, or after so many milliseconds. */
  async settled(patience: number): Promise<void> {
    if (this.#connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settling.add(resolve);
    const timer = setTimeout(resolve, patience);
    await promise;
    clearTimeout(timer);
    this.#settling.delete(resolve);
  }
}
