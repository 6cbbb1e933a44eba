/** Puts a running manager together: certificate authority, dispatcher, cluster port, controllers. */
import type { ManagerFace } from '../api/contract.ts';
import { startControl } from '../control/runtime.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import type { Store } from '../store/contract.ts';
import { Attachments } from './attachments.ts';
import { createAuthority } from './ca/authority.ts';
import { theCluster } from './ca/cluster.ts';
import type { ClusterServer, ImageSource } from './contract.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { afterInput, probeHost } from './dispatcher/probe.ts';
import { checkNetworks } from './network-check.ts';
import { restBeside } from './rest.ts';
import { createClusterServer } from './server.ts';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ManagerOptions {
  store: Store;
  identity: NodeIdentity;
  listenHost: string;
  listenPort: number;
  /** Absent: nodes get their images from registries alone. */
  images?: ImageSource;
  clock: Clock;
  newId(): string;
  /** Whether clients of the API are being answered: the manager's own work leaves the process to them. */
  clientsWait(): boolean;
  log: Log;
}

/** What a manager offers to the API of its host, but for the engine clients, which the host makes of `connectEngine`. */
export interface Manager extends Omit<ManagerFace, 'engineOf'> {
  connectEngine: ClusterServer['connectEngine'];
  /** Ends everything but the store, which is the caller's. */
  close(): Promise<void>;
}

/** Starts a manager whose cluster is in the store. @throws ApiError if the cluster port cannot be listened on */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const { store, identity, clock, newId, log } = options;
  const onError = (error: unknown) => log.error({ err: error }, 'manager');
  const rest = restBeside(options.clientsWait);
  const authority = createAuthority({ store, clock, newId, onError });
  const dispatcher = new Dispatcher({
    store,
    clock,
    roots: () => authority.roots(),
    probe: probeHost,
    afterInput,
    rest,
    log,
  });
  let server: ClusterServer;
  try {
    server = await createClusterServer({
      identity,
      store,
      authority,
      sessions: dispatcher,
      attachments: new Attachments({ store, clock, newId }),
      images: options.images,
      host: options.listenHost,
      port: options.listenPort,
      newId,
      onError,
    });
  } catch (error) {
    dispatcher.close();
    await authority.close();
    throw new ApiError(500, `failed to listen on remote API address: ${(error as Error).message}`);
  }
  const stop = new AbortController();
  const control = startControl({
    store,
    clock,
    newId,
    signal: stop.signal,
    yieldTo: rest,
    log: (message, error, object) => log.error({ err: error, ...object }, message),
  });
  return {
    store,
    nodeId: identity.certificate.nodeId,
    cluster: () => theCluster(store.view),
    updateCluster: (update) => authority.updateCluster(update),
    connectEngine: (nodeId) => server.connectEngine(nodeId),
    checkNetworks: () => checkNetworks(store, (nodeId, patience) => server.check(nodeId, patience)),
    disconnect: (nodeId) => server.disconnect(nodeId),
    newId,
    now: () => clock.now(),
    async close() {
      stop.abort();
      await control;
      dispatcher.close();
      await server.close();
      await authority.close();
    },
  };
}
