/** Puts a running manager together: the cluster port, and, for as long as it leads, its duties. */
import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { ManagerFace } from '../api/contract.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import type { Measure } from '../model/measure.ts';
import type { Door } from '../model/protocol.ts';
import type { Store } from '../store/contract.ts';
import { NotLeadingError } from '../store/store-error.ts';
import { theCluster } from './ca/cluster.ts';
import type { ClusterServer, Duties, ImageSource, Office } from './contract.ts';
import { beginDuties, type RunningDuties } from './duties.ts';
import { LeaderLink, leaderFace } from './leader-link.ts';
import { checkNetworks } from './network-check.ts';
import { restBeside } from './rest.ts';
import { createClusterServer } from './server.ts';
import type { ManagersDeskOptions } from './state/managers-desk.ts';
import { Terms } from './terms.ts';
import { Tunnels } from './tunnels.ts';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ManagerOptions {
  store: Store;
  identity: NodeIdentity;
  office: Office;
  listenHost: string;
  listenPort: number;
  /** How other managers come and go; absent: this one stays the only one. */
  members?: Pick<ManagersDeskOptions, 'state' | 'folders' | 'fileKey' | 'address' | 'decided'>;
  /** Absent: nodes get their images from registries alone. */
  images?: ImageSource;
  clock: Clock;
  newId(): string;
  /** Whether clients of the API are being answered: the manager's own work leaves the process to them. */
  clientsWait(): boolean;
  /** Serves the API of this manager on a connection from another one. */
  serveApi(connection: Duplex): void;
  /** A connection to the cluster port of another manager, as this node. */
  connectManager(address: string, signal: AbortSignal): Promise<ClientHttp2Session>;
  log: Log;
  /** Told of how long things take. */
  measure?: Measure | undefined;
}

/** What a manager offers to the API of its host, but for the engine clients, which the host makes of `connectEngine`. */
export interface Manager extends Omit<ManagerFace, 'engineOf' | 'apiOf' | 'backup'> {
  /** A new connection to the engine of that node, or to its host's API. Rejects with ApiError. */
  connectEngine(nodeId: string, door?: Door): Promise<Duplex>;
  /** Ends everything but the store, which is the caller's. */
  close(): Promise<void>;
}

/** Starts a manager whose cluster is in the store. @throws ApiError if the cluster port cannot be listened on */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { store, identity, office, clock, newId, log } = options;
  const { nodeId } = identity.certificate;
  const onError = (error: unknown) => log.error({ err: error }, 'manager');
  const rests = restBeside(options.clientsWait);
  const link = new LeaderLink({
    address: () => store.view.get('node', office.leader() ?? '')?.ManagerStatus?.Addr,
    watch: (listener) => office.watch(listener),
    connect: options.connectManager,
  });
  let terms: Terms<RunningDuties> | undefined;
  const duties = (): Duties | undefined => terms?.current;
  const led = (): Duties => {
    const present = duties();
    if (!present) throw new NotLeadingError();
    return present;
  };
  const tunnels = new Tunnels({
    order: async (id, dial) => (leads() ? server.dial(id, dial) : link.dial(id, dial)),
    // One that was removed does not come back.
    isDown: (id) => (store.view.get('node', id)?.Status.State ?? 'down') === 'down',
  });
  let server: ClusterServer;
  try {
    server = await createClusterServer({
      ...{ identity, store, office, newId, onError, duties, tunnels },
      serveApi: options.serveApi,
      host: options.listenHost,
      port: options.listenPort,
    });
  } catch (error) {
    throw new ApiError(500, `failed to listen on remote API address: ${(error as Error).message}`);
  }
  terms = new Terms({
    ...{ office, nodeId, clock, store, onError },
    async begin() {
      const running = beginDuties({ ...options, ...rests, onError });
      return {
        ...running,
        async close() {
          await running.close();
          server.endSessions('this manager does not lead the swarm any more');
        },
      };
    },
  });
  await terms.settled();
  const leads = (): boolean => duties() !== undefined;
  return {
    store,
    leader: leaderFace(office, link, leads),
    nodeId,
    cluster: () => theCluster(store.view),
    updateCluster: async (update) => led().authority.updateCluster(update),
    unlockKey: async () => led().authority.unlockKey(),
    connectEngine: (id, door) => tunnels.open(id, door),
    checkNetworks: () => checkNetworks(store, (id, patience) => server.check(id, patience)),
    disconnect: (id) => server.disconnect(id),
    newId,
    now: () => clock.now(),
    async close() {
      await terms.close();
      tunnels.close();
      link.close();
      await server.close();
    },
  };
}
