/** Tasks of a service counted by what `service ls` shows of them, so that a list of services need not go through them. */
import type { Task } from '../model/objects.ts';
import type { Tally } from './contract.ts';

export class Tallies {
  readonly #services = new Map<string, Map<string, Tally>>();

  of(serviceId: string): IterableIterator<Tally> {
    return this.#services.get(serviceId)?.values() ?? [].values();
  }

  /** Counts a task as it is now in place of what it was; absent: it was not or is no longer there. */
  move(before: Task | undefined, after: Task | undefined): void {
    if (before) this.#count(before, -1);
    if (after) this.#count(after, +1);
  }

  #count({ ServiceID, Status, DesiredState, JobIteration, internal }: Task, by: 1 | -1): void {
    const tallies = this.#services.get(ServiceID) ?? new Map<string, Tally>();
    this.#services.set(ServiceID, tallies);
    const { finished = false } = internal;
    const key = `${Status.State} ${DesiredState} ${JobIteration?.Index} ${finished}`;
    let tally = tallies.get(key);
    if (!tally) {
      const iteration = JobIteration?.Index;
      tally = { state: Status.State, desired: DesiredState, iteration, finished, tasks: 0 };
      tallies.set(key, tally);
    }
    tally.tasks += by;
    if (tally.tasks > 0) return;
    tallies.delete(key);
    if (tallies.size === 0) this.#services.delete(ServiceID);
  }
}
