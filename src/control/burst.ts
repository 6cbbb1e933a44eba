/**
 * What one client posts or removes in quick succession, as `docker stack deploy` and `rm` do. The services among it are planned
 * for together once no more comes, or else the start or end of the first containers takes the processors from whoever asks for
 * the rest. One alone does not wait.
 */
import { sameSpec } from '../model/same-spec.ts';
import type { Commit, EventOf } from '../store/contract.ts';

/** What comes later (ms) than that after the one before is no part of it. */
const GAP = 400;
/** No more comes when nothing has for that many times as long as it took most between two, and within these bounds (ms). */
const TIMES = 3;
const SHORTEST_PAUSE = { one: 30, several: 100 };
const LONGEST_PAUSE = 300;
/** No service waits for longer (ms). */
const LONGEST = 3_000;

const OF_STACKS: ReadonlySet<string> = new Set(['service', 'network', 'secret', 'config']);

export class Burst {
  readonly #held = new Set<string>();
  #began = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  /** The longest time between two so far. */
  #gap = 0;

  /** @param now milliseconds, as everywhere here */
  apply({ events }: Commit, now: number): void {
    for (const event of events) {
      const { kind, id, before, after } = event;
      if (kind === 'service' && this.#held.has(id) && isChanged(event)) this.#held.delete(id);
      if ((before && after) || !OF_STACKS.has(kind)) continue;
      if (now - this.#last > GAP || now - this.#began >= LONGEST) {
        this.#began = now;
        this.#gap = 0;
        this.#held.clear();
      } else {
        this.#gap = Math.max(this.#gap, now - this.#last);
        if (kind === 'service') this.#held.add(id);
      }
      this.#last = now;
    }
  }

  holds(serviceId: string, now: number): boolean {
    return this.#held.has(serviceId) && now < this.until;
  }

  /** When those that are held may be planned for, if nothing more comes; in the past if that is so already. */
  get until(): number {
    // One service with its network is no stack yet.
    const pause =
      this.#held.size > 1
        ? Math.min(Math.max(TIMES * this.#gap, SHORTEST_PAUSE.several), LONGEST_PAUSE)
        : SHORTEST_PAUSE.one;
    return Math.min(this.#last + pause, this.#began + LONGEST);
  }
}

/** What somebody has changed since is not waited with. That it was given addresses is no such change. */
function isChanged({ before, after }: EventOf<'service'>): boolean {
  return before !== undefined && after !== undefined && !sameSpec(before.Spec, after.Spec);
}
