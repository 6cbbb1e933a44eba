/** The API served on a unix socket for tests, and the places in a swarm that a host can have. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerNetworks } from '../../src/agent/contract.ts';
import type { ManagerFace, Membership, MembershipStatus } from '../../src/api/contract.ts';
import { mergedRoutes } from '../../src/api/merged/routes.ts';
import type { Logger, RouteModule } from '../../src/api/router.ts';
import { ApiServer } from '../../src/api/server.ts';
import { SOLE_LEADER } from '../../src/api/swarm/testing/leader.ts';
import type { EngineClient } from '../../src/engine/client.ts';
import { ApiError } from '../../src/model/errors.ts';
import { newId } from '../../src/model/id.ts';
import type { Cluster } from '../../src/model/objects.ts';
import type { Store } from '../../src/store/contract.ts';

const OUTSIDE: MembershipStatus = { state: 'inactive', nodeId: '', nodeAddr: '', error: '', managers: [] };

/** A host whose place is what the test says. */
export class TestMembership implements Membership {
  #status = OUTSIDE;
  #manager: ManagerFace | undefined;
  readonly #watchers: Array<() => void> = [];

  become(status: Partial<MembershipStatus>, manager?: ManagerFace): void {
    this.#status = { ...OUTSIDE, ...status };
    this.#manager = manager;
    for (const watcher of this.#watchers) watcher();
  }
  watch(listener: () => void): void {
    this.#watchers.push(listener);
  }
  status(): MembershipStatus {
    return this.#status;
  }
  manager(): ManagerFace | undefined {
    return this.#manager;
  }
  /** What brings containers of this host onto the cluster's networks. */
  networks: ContainerNetworks | undefined;
  containers(): ContainerNetworks | undefined {
    return this.networks;
  }
  init(): Promise<string> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
  join(): Promise<void> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
  leave(): Promise<void> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
  unlock(): Promise<void> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
  restore(): Promise<string> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
  follow(): Promise<void> {
    return Promise.reject(new ApiError(501, 'not in this test'));
  }
}

/** The manager of a cluster whose state is in `store`. */
export function testManager(store: Store, cluster: Cluster, engine?: EngineClient): ManagerFace {
  return {
    store,
    leader: SOLE_LEADER,
    nodeId: 'self',
    cluster: () => cluster,
    updateCluster: () => Promise.reject(new ApiError(501, 'not in this test')),
    unlockKey: async () => '',
    backup: async function* () {},
    checkNetworks: async () => ({ revision: 0, hosts: [] }),
    engineOf: () => {
      if (engine) return engine;
      throw new ApiError(503, 'no engine in this test');
    },
    disconnect: () => undefined,
    newId,
    now: () => Date.now(),
  };
}

export interface TestApi extends AsyncDisposable {
  server: ApiServer;
  socket: string;
  membership: TestMembership;
  /** What the server has logged as faults of its own. */
  faults: unknown[];
}

export async function startApi(engine: EngineClient, routes: RouteModule[] = []): Promise<TestApi> {
  const directory = await mkdtemp(join(tmpdir(), 'essaim-api-'));
  const membership = new TestMembership();
  const faults: unknown[] = [];
  const ignore = (): void => undefined;
  const log: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields) => faults.push('err' in fields ? fields.err : fields),
  };
  const server = new ApiServer({ engine, membership, log, routes: [...mergedRoutes('0.1.0'), ...routes] });
  const socket = join(directory, 'docker.sock');
  await server.listenUnix(socket);
  return {
    server,
    socket,
    membership,
    faults,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
