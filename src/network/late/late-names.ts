/**
 * Names for containers that came onto a network after they were made. Such a container goes on asking its engine's resolver,
 * which knows the names of the engine's own networks and asks name servers that have been settled long before. So what it
 * asks is answered here, in its own namespace: names of the cluster at once, all others by asking its engine's resolver.
 */
import { access } from 'node:fs/promises';
import type { Clock } from '../../model/clock.ts';
import type { DataPlane, LateContainer, NetworkLog } from '../contract.ts';
import { Listener } from '../dns/listener.ts';
import { isTruncated } from '../dns/message.ts';
import type { DnsServer } from '../dns/server.ts';
import { runInSandbox } from '../kernel/sandbox.ts';
import { Serial } from '../rounds/serial.ts';
import { EngineResolver } from './engine-resolver.ts';
import { findEnginePort, lead, leave, openSockets, type Sockets } from './sockets.ts';

/** Before it is tried again where it could not be (ms). */
const RETRY = 10_000;
/** How long a container's start waits for it at most (ms). */
const START_PATIENCE = 3_000;

/** What happens in containers' namespaces. */
export interface Sandboxes {
  /** Resolves when there is that namespace. @throws if it does not come */
  appears(sandbox: string): Promise<void>;
  exists(sandbox: string): Promise<boolean>;
  open(sandbox: string): Promise<Sockets>;
  lead(sandbox: string, sockets: Sockets): Promise<void>;
  leave(sandbox: string): Promise<void>;
  findEnginePort(sandbox: string): Promise<number | undefined>;
}

const KERNEL: Sandboxes = {
  appears: (sandbox) => runInSandbox(sandbox, ''),
  exists: (sandbox) =>
    access(sandbox).then(
      () => true,
      () => false,
    ),
  open: openSockets,
  lead,
  leave,
  findEnginePort,
};

export interface LateNamesOptions {
  plane: Pick<DataPlane, 'lateContainers' | 'onLateContainers'>;
  names: Pick<DnsServer, 'handlerFor' | 'forward'>;
  clock: Clock;
  log: NetworkLog;
  /** The kernel's if not given. */
  sandboxes?: Sandboxes;
}

interface Open {
  listener: Listener;
  engine: EngineResolver;
}

export class LateNames {
  readonly #options: LateNamesOptions;
  readonly #sandboxes: Sandboxes;
  /** A container's places on networks, by its sandbox. */
  #wanted = new Map<string, LateContainer[]>();
  readonly #open = new Map<string, Open>();
  /** Those that could not be opened; told once. */
  readonly #failed = new Set<string>();
  readonly #turns = new Map<string, Serial>();
  /** It takes a process each: one at a time, however many there are. */
  readonly #opening = new Serial();
  readonly #stopFollowing: () => void;
  #cancelRetry = (): void => {};

  constructor(options: LateNamesOptions) {
    const { plane, sandboxes = KERNEL } = options;
    this.#options = options;
    this.#sandboxes = sandboxes;
    this.#stopFollowing = plane.onLateContainers((late) => void this.#want(late));
    void this.#want(plane.lateContainers());
  }

  /** The containers ask their engine alone again, until the next process comes. */
  async close(): Promise<void> {
    this.#stopFollowing();
    await this.#want([]);
  }

  /**
   * Resolves when the container that has just been told of is answered, or cannot be for now. At once where its namespace is
   * not there yet: engines before 28 make it after they have told of the container's networks. Never rejects.
   */
  async named(sandbox: string): Promise<void> {
    const turn = this.#turns.get(sandbox);
    if (!turn || !(await this.#sandboxes.exists(sandbox))) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.timer(START_PATIENCE, resolve);
    void turn.run(async () => resolve());
    await promise;
    cancel();
  }

  /** Resolves when it has been tried. Never rejects. */
  async #want(late: readonly LateContainer[]): Promise<void> {
    this.#wanted = Map.groupBy(late, ({ sandbox }) => sandbox);
    await this.#each(new Set([...this.#wanted.keys(), ...this.#open.keys(), ...this.#turns.keys()]));
  }

  async #each(sandboxes: ReadonlySet<string>): Promise<void> {
    this.#cancelRetry();
    await Promise.all([...sandboxes].map((sandbox) => this.#inTurn(sandbox)));
    if (this.#failed.size === 0) return;
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.timer(RETRY, () => void this.#each(new Set(this.#failed)));
  }

  async #inTurn(sandbox: string): Promise<void> {
    const turn = this.#turns.get(sandbox) ?? new Serial();
    this.#turns.set(sandbox, turn);
    await turn.run(() => this.#make(sandbox));
    if (!this.#wanted.has(sandbox)) this.#turns.delete(sandbox);
  }

  /** Never rejects. */
  async #make(sandbox: string): Promise<void> {
    const { log } = this.#options;
    const open = this.#open.get(sandbox);
    if (!this.#wanted.has(sandbox)) {
      this.#failed.delete(sandbox);
      if (open) await this.#close(sandbox, open);
      return;
    }
    if (open) return;
    const again = this.#failed.has(sandbox);
    try {
      // One that did not come when it was looked for is gone, most likely.
      if (again && !(await this.#sandboxes.exists(sandbox))) return;
      await this.#serve(sandbox);
      this.#failed.delete(sandbox);
    } catch (error) {
      this.#failed.add(sandbox);
      if (!again)
        log.warn({ err: error, sandbox }, 'a container does not find the names of its networks yet');
    }
  }

  async #serve(sandbox: string): Promise<void> {
    const { names, clock, log } = this.#options;
    await this.#sandboxes.appears(sandbox);
    const sockets = await this.#opening.run(() => this.#sandboxes.open(sandbox));
    const engine = new EngineResolver({
      socket: sockets.engine,
      findPort: () => this.#sandboxes.findEnginePort(sandbox),
      clock,
    });
    // They may be others with each question: it comes onto a second network, and leaves the first.
    const places = (): LateContainer[] => this.#wanted.get(sandbox) ?? [];
    const handle = names.handlerFor(places, async (query, transport) => {
      const answer = await engine.ask(query);
      const [first] = places();
      if (transport === 'datagram' || !answer || !isTruncated(answer) || !first) return answer;
      return names.forward(query, first.address, first.nameServers);
    });
    const open: Open = {
      engine,
      listener: Listener.on(sockets.udp, sockets.tcp, {
        handle,
        broken: (error) => log.warn({ err: error, sandbox }, 'a container is not answered any more'),
      }),
    };
    try {
      await this.#sandboxes.lead(sandbox, sockets);
    } catch (error) {
      await end(open);
      throw error;
    }
    this.#open.set(sandbox, open);
  }

  async #close(sandbox: string, open: Open): Promise<void> {
    this.#open.delete(sandbox);
    await this.#sandboxes
      .leave(sandbox)
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error, sandbox }, 'a container cannot be left to its engine'),
      );
    await end(open);
  }
}

async function end({ listener, engine }: Open): Promise<void> {
  engine.close();
  await listener.close();
}
