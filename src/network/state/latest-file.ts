/** Keeps the latest of many values in a file: it outlives this process, and most often a power cut. */
import { writeJson } from './json-file.ts';

export class LatestFile {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #next: { value: unknown } | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** Values that are replaced before their turn comes are never written. */
  put(value: unknown): void {
    this.#next = { value };
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when the latest value is in the file, or could not be written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next) {
      const { value } = this.#next;
      this.#next = undefined;
      await writeJson(this.#path, value, false).catch(this.#onError);
    }
  }
}
