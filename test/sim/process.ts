/** A process of the simulated world: it can be killed, and stopped for a while. Nothing runs in it but through it. */
import type { Clock } from '../../src/model/clock.ts';

export class Process {
  readonly clock: Clock;
  #alive = true;
  #hung = false;
  #waiting: Array<() => void> = [];

  constructor(world: Clock) {
    this.clock = {
      now: () => world.now(),
      timer: (ms, fn) => {
        let wanted = true;
        const cancel = world.timer(ms, () =>
          this.run(() => {
            if (wanted) fn();
          }),
        );
        return () => {
          wanted = false;
          cancel();
        };
      },
    };
  }

  get hung(): boolean {
    return this.#hung;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Now, once it goes on, or never. */
  run(fn: () => void): void {
    if (!this.#alive) return;
    if (this.#hung) this.#waiting.push(fn);
    else fn();
  }

  hang(): void {
    this.#hung = true;
  }

  resume(): void {
    this.#hung = false;
    for (const fn of this.#waiting.splice(0)) this.run(fn);
  }

  kill(): void {
    this.#alive = false;
    this.#waiting = [];
  }

  /** A promise that is settled only while the process can take notice. */
  promise<T>(work: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      work(
        (value) => this.run(() => resolve(value)),
        (error) => this.run(() => reject(error)),
      );
    });
  }
}
