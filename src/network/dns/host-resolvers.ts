/** The name servers of the host itself, from its resolv.conf, which is looked at again when it may have changed. */
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../model/clock.ts';

/** Between two looks at the file (ms). */
const LOOK_AGAIN = 1_000;
/** As many as the C library uses. */
const MAX_SERVERS = 3;

export interface HostResolversOptions {
  path: string;
  clock: Clock;
  /** Whether that address is ours: asking it would go round in a circle. */
  isOwn(address: string): boolean;
  /** Told of a file that is there and cannot be read; what was last read holds on. */
  onError(error: unknown): void;
}

export class HostResolvers {
  readonly #options: HostResolversOptions;
  #looked = Number.NEGATIVE_INFINITY;
  #version = '';
  #servers: string[] = [];
  #looking: Promise<void> | undefined;

  constructor(options: HostResolversOptions) {
    this.#options = options;
  }

  /** Addresses of the servers in the order in which to ask them. Never rejects. */
  async servers(): Promise<readonly string[]> {
    const { clock, isOwn } = this.#options;
    if (Math.abs(clock.now() - this.#looked) >= LOOK_AGAIN) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    return this.#servers.filter((server) => !isOwn(server)).slice(0, MAX_SERVERS);
  }

  async #look(): Promise<void> {
    const { path, clock, onError } = this.#options;
    try {
      const { ino, mtimeNs, size } = await stat(path, { bigint: true });
      const version = `${ino} ${mtimeNs} ${size}`;
      if (version !== this.#version) {
        this.#servers = nameServers(await readFile(path, 'utf8'));
        this.#version = version;
      }
    } catch (error) {
      // A host without the file has no servers. It may also be on its way from one version to the next.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.#servers = [];
        this.#version = '';
      } else onError(error);
    }
    this.#looked = clock.now();
  }
}

/** The servers that a resolv.conf names, each once. */
export function nameServers(text: string): string[] {
  const found = [...text.matchAll(/^[ \t]*nameserver[ \t]+([^\s#;]+)/gm)].map(([, address]) => address!);
  return [...new Set(found.filter((address) => isIP(address.replace(/%.*/, '')) > 0))];
}
