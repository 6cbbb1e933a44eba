/**
 * Containers that left while nobody was told: the engine has put their end of the link back into the host's namespace,
 * where it stands only for moments while a container comes or goes.
 */
import { readdir } from 'node:fs/promises';
import { containerEndOf } from '../names.ts';

/** From the making of a link until the engine takes it, at most (ms). */
const COMING_TIME = 60_000;

export class LostPorts {
  readonly #seen = new Map<string, number>();

  /** The endpoints, of those given, whose containers are gone. @param now milliseconds */
  async find(endpointIds: readonly string[], now: number): Promise<string[]> {
    return this.among(endpointIds, new Set(await readdir('/sys/class/net')), now);
  }

  /** @param links names of the links in the host's namespace */
  among(endpointIds: readonly string[], links: ReadonlySet<string>, now: number): string[] {
    const here = new Set(endpointIds.filter((id) => links.has(containerEndOf(id))));
    for (const id of this.#seen.keys()) if (!here.has(id)) this.#seen.delete(id);
    for (const id of here) if (!this.#seen.has(id)) this.#seen.set(id, now);
    return [...here].filter((id) => now - this.#seen.get(id)! > COMING_TIME);
  }
}
