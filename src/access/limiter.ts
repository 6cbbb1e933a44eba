/** How often somebody may be wrong: a few times at once, then after pauses that grow. Nobody is ever locked out. */

/** Tries without a pause, for an account and for an address; then 1, 2, 4 … seconds, up to a minute. */
const FREE = { account: 5, address: 20 };
const LONGEST = 60_000;
/** After so long without a wrong try all is forgotten. */
const FORGET = 15 * 60_000;
/** How many names and addresses are kept in mind: the oldest go first. */
const MOST = 10_000;

interface Tries {
  wrong: number;
  last: number;
}

/** One for all that checks a password or a code. Times in milliseconds. */
export class Limiter {
  readonly #tries = new Map<string, Tries>();

  /**
   * Asks for a try. Returns how long to wait before the next one (ms); 0: this one may be made, and counts as a wrong one
   * until `right` says otherwise, so that many at once are as many.
   */
  begin(account: string, address: string, now: number): number {
    const keys = keysOf(account, address);
    const wait = Math.max(...keys.map(([key, free]) => this.#left(key, free, now)));
    if (wait > 0) return wait;
    for (const [key] of keys) {
      const { wrong } = this.#of(key, now);
      this.#tries.delete(key);
      this.#tries.set(key, { wrong: wrong + 1, last: now });
    }
    for (const key of this.#tries.keys()) {
      if (this.#tries.size <= MOST) break;
      this.#tries.delete(key);
    }
    return 0;
  }

  /** The try was right: the account's owner was here; at the address may still be somebody who tries all names. */
  right(account: string, address: string): void {
    const [[own], [at]] = keysOf(account, address);
    this.#tries.delete(own);
    const tries = this.#tries.get(at);
    if (tries) this.#tries.set(at, { ...tries, wrong: tries.wrong - 1 });
  }

  #left(key: string, free: number, now: number): number {
    const { wrong, last } = this.#of(key, now);
    if (wrong < free) return 0;
    const pause = Math.min(LONGEST, 1_000 * 2 ** Math.min(wrong - free, 6));
    return Math.max(0, last + pause - now);
  }

  #of(key: string, now: number): Tries {
    const tries = this.#tries.get(key);
    return tries && now - tries.last < FORGET ? tries : { wrong: 0, last: 0 };
  }
}

function keysOf(account: string, address: string): [[string, number], [string, number]] {
  return [
    [`account ${account}`, FREE.account],
    [`address ${address}`, FREE.address],
  ];
}
