/** Where the engines of a cluster are found, and where a host makes itself known. */

export interface Discovery {
  /** What it was asked for by: `token`. */
  readonly scheme: string;
  /**
   * The addresses (`host:port`, none twice) whenever they have changed, the first time as soon as they are known. Waits
   * out what goes wrong and tells `failed` of it; ends when the signal says so.
   */
  watch(signal: AbortSignal): AsyncIterable<readonly string[]>;
  /** Makes an address known for `ttl` seconds from now. Throws what is said against it. */
  register(address: string, ttl: number, signal: AbortSignal): Promise<void>;
}

/** A lock that one of several has: the store's key with the leader's address. */
export interface Election {
  /**
   * Calls `heard` with the leader's address whenever another one leads (undefined: nobody), and tries to lead itself
   * all the while. Resolves when the signal ends it.
   */
  campaign(
    address: string,
    ttl: number,
    heard: (leader: string | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Where managers keep what those after them have to know. All throw what the store, or the way to it, has against it. */
export interface Shelf {
  /** All values. */
  all(signal: AbortSignal): Promise<string[]>;
  put(name: string, value: string, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
}

export interface DiscoveryOptions {
  /** Seconds between two looks at what cannot be watched. */
  heartbeat: number;
  /** `kv.path`, `kv.cacertfile`, `kv.certfile`, `kv.keyfile`. */
  options: Readonly<Record<string, string>>;
  /** Told what went wrong; it is tried again. */
  failed: (error: Error) => void;
}

/** What a person has to change in what was asked for. */
export class DiscoveryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DiscoveryError';
  }
}
