/** A registry with all its routes at a port of this machine, for tests: hosts are simulated engines, the store is in memory. */
import { Router } from '../../api/router.ts';
import { SimulatedEngine } from '../../classic/testing/simulated-engine.ts';
import { startControl } from '../../control/runtime.ts';
import type { Clock } from '../../model/clock.ts';
import { newId } from '../../model/id.ts';
import type { Node } from '../../model/objects.ts';
import type { Store } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleNode } from '../../store/samples.ts';
import { Follower } from '../follower.ts';
import { catalogRoutes } from '../http/catalog-routes.ts';
import type { Route } from '../http/contract.ts';
import { kvRoutes } from '../http/kv-routes.ts';
import { RegistryServer } from '../http/server.ts';
import { decide } from '../kv/command.ts';
import { KeyWatch } from '../kv/subject.ts';

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: console.error };

/** One whose time goes `speed` times as fast. */
function fastClock(speed: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * speed,
    timer(ms, fn) {
      const handle = setTimeout(fn, ms / speed);
      return () => clearTimeout(handle);
    },
  };
}

export interface TestRegistryOptions {
  /** Each becomes a node, with an engine in memory. */
  hosts?: readonly string[];
  /** How many times as fast as usual sessions end. */
  speed?: number;
  store?: Store;
  /** False: nothing is planned for, tasks stay as they are put. */
  control?: boolean;
  engines?: ReadonlyMap<string, SimulatedEngine>;
}

export class TestRegistry implements AsyncDisposable {
  readonly store: Store;
  readonly engines: ReadonlyMap<string, SimulatedEngine>;
  readonly follower: Follower;
  readonly address: string;
  readonly #server: RegistryServer;
  readonly #watch: KeyWatch;
  readonly #over: AbortController;
  readonly #control: Promise<void>;

  private constructor(parts: {
    store: Store;
    engines: ReadonlyMap<string, SimulatedEngine>;
    follower: Follower;
    server: RegistryServer;
    watch: KeyWatch;
    over: AbortController;
    control: Promise<void>;
  }) {
    this.store = parts.store;
    this.engines = parts.engines;
    this.follower = parts.follower;
    this.#server = parts.server;
    this.#watch = parts.watch;
    this.#over = parts.over;
    this.#control = parts.control;
    this.address = `127.0.0.1:${parts.server.port}`;
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const { hosts = [], speed = 1 } = options;
    const store = options.store ?? openMemoryStore();
    const engines = options.engines ?? new Map(hosts.map((name) => [name, new SimulatedEngine(name)]));
    for (const [at, name] of [...engines.keys()].entries())
      if (!store.view.get('node', name))
        await store.commit({ changes: [{ op: 'put', kind: 'node', object: nodeAt(name, at + 1) }] });
    const clock = fastClock(speed);
    const over = new AbortController();
    const { signal } = over;
    const control =
      options.control === false
        ? Promise.resolve()
        : startControl({ store, clock, newId, signal, yieldTo: async () => undefined });
    const engineOf = (id: string) => engines.get(id)!.client;
    const follower = new Follower({ store, engineOf, clock, log });
    const watch = new KeyWatch(store);
    const router = new Router<Route>();
    const nodeId = [...engines.keys()][0] ?? 'none';
    const leaderAddress = () => '10.0.0.1:2377';
    catalogRoutes(router, { catalog: follower.catalog, nodeId, leaderAddress, version: '0' });
    kvRoutes(router, {
      ...{ view: store.view, watch, hostName: () => nodeId },
      async command(command) {
        const { result } = await store.commit((view) => decide(command, view, { now: clock.now() }));
        return result;
      },
    });
    const where = { host: '127.0.0.1', port: 0 };
    const serving = async () => {
      await follower.known;
      return { router, over: over.signal };
    };
    const server = await RegistryServer.start(where, { serving, isStale: () => false, log });
    return new TestRegistry({ store, engines, follower, server, watch, over, control });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#watch.close();
    this.#over.abort();
    await this.#control;
    await this.follower.close();
  }
}

function nodeAt(name: string, number: number): Node {
  return { ...sampleNode(name), Status: { State: 'ready', Addr: `10.0.0.${number}` } };
}
