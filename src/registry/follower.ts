/** Keeps a catalog true: follows what runs on the swarm's hosts, and what the cluster's state says of it. */
import type { EngineClient } from '../engine/client.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { Clock } from '../model/clock.ts';
import type { Node } from '../model/objects.ts';
import { PREFIX } from '../model/registration.ts';
import type { Store, StoreEvent } from '../store/contract.ts';
import { Catalog, type HostContents } from './catalog.ts';
import { type HostEntry, instancesOf } from './instances.ts';
import { hostEntry, publishedOn } from './published.ts';

/** Lists repair what events did not tell. */
const TIMING = { refreshMin: 30_000, refreshMax: 60_000, failureRetry: 3 };
/** For how long (ms) changes are gathered: many come together. */
const GATHER = 20;
/** How long (ms) it is waited for hosts that are there and were not met yet, before what is known of the others counts. */
const PATIENCE = 15_000;

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface FollowerOptions {
  store: Store;
  /** A client of the engine on that node. */
  engineOf(nodeId: string): EngineClient;
  clock: Clock;
  log: Logger;
}

export class Follower {
  readonly catalog: Catalog;
  /** Resolves when the hosts that are there have been looked at. */
  readonly known: Promise<void>;
  readonly #options: FollowerOptions;
  readonly #fleet: Fleet;
  readonly #dirty = new Set<string>();
  readonly #unwatch: () => void;
  readonly #becomeKnown: () => void;
  #gathering: (() => void) | undefined;
  #isClosed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    const { clock, store, log } = options;
    this.catalog = new Catalog(() => clock.now());
    this.#fleet = new Fleet({
      timing: TIMING,
      clock,
      random: Math.random,
      // That hosts come and go is said elsewhere.
      log: { ...log, debug: quiet, info: quiet, warn: quiet, error: quiet },
      variables: PREFIX,
      containersAlone: true,
      changed: (key) => this.#mark(key),
    });
    this.#fleet.listen((event) => {
      if (event.type !== 'engine' && event.type !== 'contents') this.#mark(event.host.key);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.known = promise;
    const late = clock.timer(PATIENCE, () => {
      log.warn({}, 'some hosts were not reached in time: the registry begins without their containers');
      resolve();
    });
    this.#becomeKnown = () => {
      late();
      resolve();
    };
    for (const node of store.view.all('node')) this.#met(node);
    this.#unwatch = store.watch(store.view.revision, ({ events }) => {
      for (const event of events) this.#noted(event);
    });
    this.#flush();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    this.#gathering?.();
    this.#becomeKnown();
    await this.#fleet.close();
  }

  #met({ ID, Status }: Node): void {
    this.#mark(ID);
    if (this.#fleet.has(ID)) return;
    const engine = this.#options.engineOf(ID);
    this.#fleet.add({
      ...{ key: ID, address: Status.Addr, engine, close: () => undefined },
      // Nothing is looked up: the cluster knows where its nodes are.
      host: Status.Addr,
    });
  }

  #noted(event: StoreEvent): void {
    const { kind, before, after } = event;
    if (kind === 'node') {
      if (event.after) {
        this.#met(event.after);
        // It may have been asked before its agent was there, and would be asked again only after a while.
        if (event.after.Status.State === 'ready' && event.before?.Status.State !== 'ready')
          this.#fleet.doubt(event.id);
      } else {
        this.#fleet.remove(event.id);
        this.#mark(event.id);
      }
    } else if (kind === 'task') {
      for (const task of [before, after] as Array<{ NodeID?: string } | undefined>)
        if (task?.NodeID) this.#mark(task.NodeID);
    } else if (kind === 'service' && event.after) {
      for (const { NodeID } of this.#options.store.view.tasksOfService(event.id))
        if (NodeID) this.#mark(NodeID);
    }
  }

  #mark(nodeId: string): void {
    this.#dirty.add(nodeId);
    if (this.#isClosed) return;
    this.#gathering ??= this.#options.clock.timer(GATHER, () => this.#flush());
  }

  #flush(): void {
    this.#gathering = undefined;
    const { view } = this.#options.store;
    const entries = new Map(namedHosts(view.all('node')).map((host) => [host.id, host]));
    const changes = new Map<string, HostContents | undefined>();
    for (const id of this.#dirty) {
      const host = entries.get(id);
      const { containers = new Map() } = this.#fleet.host(id) ?? {};
      changes.set(id, host && { host, instances: instancesOf(host, publishedOn(containers.values(), view)) });
    }
    this.#dirty.clear();
    this.catalog.update(changes);
    const isMet = ({ ID, Status }: Node): boolean =>
      Status.State !== 'ready' || this.#fleet.host(ID)?.facts !== undefined;
    if ([...view.all('node')].every(isMet)) this.#becomeKnown();
  }
}

const quiet = (): void => undefined;

/** Each under a name of its own: the first that has one keeps it. */
function namedHosts(nodes: Iterable<Node>): HostEntry[] {
  const taken = new Set<string>();
  return [...nodes].map((node) => {
    const host = hostEntry(node, taken);
    taken.add(host.name);
    return host;
  });
}
