/** One member of the model: how far it has come in the log, and whom it takes for the leader. */
import type { Random } from '../random.ts';

/** How long (ms) a follower waits for a leader at least, and how much more by chance. */
export const ELECTION = 500;

export class Member {
  readonly id: string;
  up = true;
  /** It stands still: it hears nothing, and what comes waits. */
  paused = false;
  term = 0;
  /** Id of the member that leads in that term; '': none that is known. */
  leader = '';
  /** Entries of the log that it has on disk, and that it has carried out. */
  stored = 0;
  applied = 0;
  /** etcd's revision after the last one. */
  revision = 1;
  /** When it has heard of a leader last (ms), and until when it waits for the next word. */
  heardAt = 0;
  patience = ELECTION;
  leaderlessSince: number | undefined;
  /** Of a leader: when each of the others has answered last. */
  readonly answeredAt = new Map<string, number>();
  /** How long (ms) its entries take until they are carried out, and its watches until they tell, typically. */
  applyLag = 1;
  watchLag = 1;
  readonly #held: Array<() => void> = [];
  /** Told of its end, and of each entry that it has carried out. */
  readonly ended = new Set<() => void>();
  readonly moved = new Set<() => void>();

  constructor(id: string) {
    this.id = id;
  }

  get awake(): boolean {
    return this.up && !this.paused;
  }

  get leads(): boolean {
    return this.leader === this.id;
  }

  /** Now, once it goes on, or never. */
  run(fn: () => void): void {
    if (!this.up) return;
    if (this.paused) this.#held.push(fn);
    else fn();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    for (const fn of this.#held.splice(0)) this.run(fn);
  }

  /** kill -9: what is on disk stays. */
  kill(): void {
    this.up = false;
    this.paused = false;
    this.#held.length = 0;
    this.leader = '';
    for (const end of [...this.ended]) end();
  }

  start(now: number): void {
    this.up = true;
    this.heardAt = now;
    this.leaderlessSince = now;
  }

  follow(leader: string, term: number, now: number, random: Random): void {
    this.leader = leader;
    this.term = term;
    this.heardAt = now;
    this.leaderlessSince = undefined;
    this.patience = ELECTION + random.int(0, ELECTION);
  }

  lose(now: number): void {
    this.leader = '';
    this.leaderlessSince = now;
  }
}
