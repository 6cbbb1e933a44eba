/** The manager's process in the simulated world: the real store, controllers and dispatcher on a disk that survives it. */
import { startControl } from '../../src/control/runtime.ts';
import type { Sessions } from '../../src/manager/contract.ts';
import { Dispatcher } from '../../src/manager/dispatcher/dispatcher.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Commit, Store, StoreEvent } from '../../src/store/contract.ts';
import { LocalStore, type Persistence } from '../../src/store/local.ts';
import { StoreError } from '../../src/store/store-error.ts';
import type { Endpoint } from './connection.ts';
import type { Network } from './network.ts';
import { Process } from './process.ts';

/** How long (ms) slow controllers take before each transaction. */
const SLOW = 100;

/** What is durable. Every object is kept as it was committed, in order of creation. */
export class Disk {
  /** Nothing can be written just now. */
  full = false;
  #revision = 0;
  readonly #objects = new Map<string, StoreEvent>();
  #writer = 0;

  /** The store as a process that starts now finds it; one opened before can write no more. */
  open(): Store {
    const writer = ++this.#writer;
    const persistence: Persistence = {
      write: (commit) => {
        if (writer !== this.#writer) throw new Error('a dead manager writes');
        if (this.full) throw new StoreError('the disk is full');
        this.#write(commit);
      },
      close: () => {},
    };
    return new LocalStore({ revision: this.#revision, objects: [...this.#objects.values()] }, persistence);
  }

  #write(commit: Commit): void {
    for (const event of commit.events) {
      const key = `${event.kind}/${event.id}`;
      if (event.after)
        this.#objects.set(key, { kind: event.kind, id: event.id, after: freeze(event.after) } as StoreEvent);
      else this.#objects.delete(key);
    }
    this.#revision = commit.revision;
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

export interface ManagerOptions {
  /** Of the host that it runs on. */
  nodeId: string;
  disk: Disk;
  clock: Clock;
  network: Network;
  newId(): string;
  /** Changes of one transaction of the controllers, about, if they are slow: each takes them a while. */
  batch: number | undefined;
  endpointAt(addr: string): Endpoint | undefined;
  watch(commit: Commit, store: Store): void;
  /** Told of errors that nobody expects. */
  failed(error: unknown): void;
  log(line: string): void;
}

export class Manager {
  readonly nodeId: string;
  readonly store: Store;
  readonly sessions: Sessions;
  readonly process: Process;
  readonly #options: ManagerOptions;

  constructor(options: ManagerOptions) {
    const { nodeId, clock, network, disk, newId, batch, endpointAt, failed, log } = options;
    this.#options = options;
    this.nodeId = nodeId;
    const complain = (error: Error) => (disk.full ? log(error.message) : failed(error));
    this.process = new Process(clock);
    this.store = disk.open();
    this.store.watch(this.store.view.revision, (commit) => options.watch(commit, this.store));
    const { process, store } = this;
    const pause = batch === undefined ? 0 : SLOW;
    const sessions = new Dispatcher({
      store,
      clock: process.clock,
      roots: () => 'ROOTS',
      probe: (addr) =>
        process.promise((resolve, reject) => network.probe(endpointAt(addr), nodeId).then(resolve, reject)),
      hostsMayBoot: false,
      // What arrived while the process stood still waits before this.
      afterInput: (fn) => void process.clock.timer(0, fn),
      rest: async () => {},
      log: {
        info: (fields, message) => log(`dispatcher: ${message} ${JSON.stringify(fields)}`),
        error: (fields, message) => complain(new Error(`${message} ${JSON.stringify(fields)}`)),
      },
    });
    network.managers.set(nodeId, { nodeId, process, sessions });
    this.sessions = sessions;
    startControl({
      store,
      clock: process.clock,
      newId,
      batch,
      signal: new AbortController().signal,
      yieldTo: () => process.promise((resolve) => process.clock.timer(pause, () => resolve(undefined))),
      log: (message, error, object) =>
        complain(new Error(`${message} ${JSON.stringify(object)}: ${error}`, { cause: error })),
    }).catch(failed);
  }

  /** kill -9 */
  kill(): void {
    this.process.kill();
    this.#options.network.managerDied(this.nodeId);
  }
}
