/** Listens at the addresses that are wanted; those that cannot be had are tried again. */
import type { Clock } from '../../model/clock.ts';
import type { DnsListenAddress, NetworkLog } from '../contract.ts';
import { Serial } from '../rounds/serial.ts';
import { type Handler, Listener } from './listener.ts';

/** Before it is tried again to listen where it could not be (ms). */
const RETRY = 1_000;

export interface ListenersOptions {
  port: number;
  clock: Clock;
  log: NetworkLog;
  /** Answers what is asked in that network. */
  handlerFor(networkId: string): Handler;
}

export class Listeners {
  readonly #options: ListenersOptions;
  /** Network by address. */
  #wanted = new Map<string, string>();
  readonly #open = new Map<string, { networkId: string; listener: Listener }>();
  readonly #work = new Serial();
  #cancelRetry = (): void => {};
  /** What was said of each address, so that it is not said each second. */
  readonly #complaints = new Map<string, string>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Resolves when it has been tried. */
  want(addresses: readonly DnsListenAddress[]): Promise<void> {
    this.#wanted = new Map(addresses.map(({ address, networkId }) => [address, networkId]));
    return this.#reconcile();
  }

  wants(address: string): boolean {
    return this.#wanted.has(address);
  }

  /** Addresses that are answered at. */
  get open(): string[] {
    return [...this.#open.keys()];
  }

  #reconcile(): Promise<void> {
    return this.#work.run(() => this.#make());
  }

  async #make(): Promise<void> {
    this.#cancelRetry();
    for (const [address, { networkId, listener }] of [...this.#open]) {
      if (this.#wanted.get(address) === networkId) continue;
      this.#open.delete(address);
      await listener.close();
    }
    for (const address of this.#complaints.keys())
      if (!this.#wanted.has(address)) this.#complaints.delete(address);
    for (const [address, networkId] of [...this.#wanted])
      if (!this.#open.has(address)) await this.#listen(address, networkId);
  }

  async #listen(address: string, networkId: string): Promise<void> {
    const { port, handlerFor } = this.#options;
    const broken = (error: Error): void => {
      this.#open.delete(address);
      this.#failed(address, error);
    };
    try {
      const listener = await Listener.open({ address, port, handle: handlerFor(networkId), broken });
      this.#open.set(address, { networkId, listener });
      this.#complaints.delete(address);
    } catch (error) {
      this.#failed(address, error as NodeJS.ErrnoException);
    }
  }

  #failed(address: string, error: NodeJS.ErrnoException): void {
    const { port, clock, log } = this.#options;
    const why =
      error.code === 'EADDRINUSE'
        ? `another program listens on port ${port} of all addresses: let it listen on its own ones only`
        : error.message;
    if (this.#complaints.get(address) !== why)
      log.warn({ err: error }, `containers cannot ask for names at ${address} yet: ${why}`);
    this.#complaints.set(address, why);
    this.#cancelRetry();
    this.#cancelRetry = clock.timer(RETRY, () => void this.#reconcile());
  }
}
