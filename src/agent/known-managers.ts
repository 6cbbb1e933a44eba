import type { ManagerAddress } from '../model/protocol.ts';

/** The most that are kept: whoever says that there are more is not believed. */
const MOST = 32;

/** Which managers this node knows of, so that it finds one of them again whichever are gone. */
export class KnownManagers {
  #all: readonly ManagerAddress[];
  readonly #changed: (managers: ManagerAddress[]) => void;

  /** `changed` is called with all of them whenever they are others. */
  constructor(all: readonly ManagerAddress[], changed: (managers: ManagerAddress[]) => void) {
    this.#all = all;
    this.#changed = changed;
  }

  /** The word of the manager that leads: these and no others. */
  are(all: readonly ManagerAddress[]): void {
    if (all.length > 0) this.#become(all);
  }

  /** The word of one that does not lead, and may not have heard the latest: these as well. */
  learned(some: readonly ManagerAddress[]): void {
    const known = new Set(this.#all.map(({ Addr }) => Addr));
    this.#become([...this.#all, ...some.filter(({ Addr }) => !known.has(Addr))].slice(0, MOST));
  }

  #become(all: readonly ManagerAddress[]): void {
    if (JSON.stringify(all) === JSON.stringify(this.#all)) return;
    this.#all = all;
    this.#changed([...all]);
  }
}
