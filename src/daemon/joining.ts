/**
 * A join that is under way. Docker's clients wait 20 s for it; after that it goes on in the background, also over a
 * restart of the daemon, until it succeeds, is refused, or is called off by `docker swarm leave`.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JoinRequest } from '../api/contract.ts';

export class PendingJoin {
  readonly #file: string;

  constructor(data: string) {
    this.#file = join(data, 'joining.json');
  }

  read(): JoinRequest | undefined {
    if (!existsSync(this.#file)) return undefined;
    return JSON.parse(readFileSync(this.#file, 'utf8')) as JoinRequest;
  }

  write(request: JoinRequest): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(request), { mode: 0o600, flush: true });
    renameSync(`${this.#file}.new`, this.#file);
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }
}
