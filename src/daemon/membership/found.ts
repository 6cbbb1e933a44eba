/** Founding a cluster on this host: the parts of `docker swarm init`. */
import type { InitRequest } from '../../api/contract.ts';
import { createRequest } from '../../identity/authority.ts';
import { createIdentity } from '../../identity/node-identity.ts';
import { asWorker } from '../../manager/backup/restored.ts';
import { newCluster } from '../../manager/ca/cluster.ts';
import { certify, newNode } from '../../manager/ca/issue.ts';
import { withLock } from '../../manager/ca/unlock.ts';
import { checkClusterSpec } from '../../manager/ca/update.ts';
import { type Clock, timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import { newId } from '../../model/id.ts';
import type { Network, Node } from '../../model/objects.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import type { Store } from '../../store/contract.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import {
  type HostInterface,
  hostPort,
  resolveAddresses,
  resolveDataPathAddress,
} from '../address/address.ts';
import { placesOf } from '../address/readdress.ts';
import type { MembershipRecord } from './swarm-dir.ts';

const DATA_PATH_PORT = 4789;
const SUBNET_SIZE = 24;

export interface FoundingPlace {
  identityFolder: string;
  database: string;
  interfaces: readonly HostInterface[];
  clock: Clock;
}

/** Makes a cluster with this host as its only node, on disk. @throws ApiError with Docker's text for a bad request */
export async function foundCluster(request: InitRequest, place: FoundingPlace): Promise<MembershipRecord> {
  const { clock, interfaces } = place;
  const at = resolveAddresses(request.ListenAddr ?? '', request.AdvertiseAddr ?? '', interfaces);
  const dataPathHost = request.DataPathAddr && resolveDataPathAddress(request.DataPathAddr, interfaces);
  const dataPathPort = request.DataPathPort || DATA_PATH_PORT;
  if (dataPathPort < 1024 || dataPathPort > 49151)
    throw new ApiError(400, `Datapath port number is not in valid range (1024-49151) : ${dataPathPort}`);
  const pool = request.DefaultAddrPool ?? [];
  const subnetSize = request.SubnetSize || SUBNET_SIZE;
  for (const cidr of pool) checkPool(cidr, subnetSize);
  if (subnetSize > 29) throw new ApiError(400, `subnet size is out of range: ${subnetSize}`);
  const spec = initialSpec(request.Spec ?? {}, request.AutoLockManagers ?? false);
  checkClusterSpec(spec);

  const now = clock.now();
  const founded = await newCluster({
    id: newId(),
    spec,
    DefaultAddrPool: pool,
    SubnetSize: subnetSize,
    DataPathPort: dataPathPort,
    now,
  });
  const cluster = withLock(founded, false);
  const node: Node = {
    ...newNode({
      id: newId(),
      role: 'manager',
      availability: request.Availability,
      addr: at.advertiseHost,
      now,
    }),
    ManagerStatus: {
      Leader: true,
      Reachability: 'reachable',
      Addr: hostPort(at.advertiseHost, at.advertisePort),
    },
  };
  const { csr, key } = await createRequest();
  const { certificate, roots } = await certify(cluster, node, csr, now);
  await createIdentity(place.identityFolder, { key, certificate, roots });
  const store = await openSqliteStore({ path: place.database });
  try {
    await store.commit({
      changes: [
        { op: 'put', kind: 'cluster', object: cluster },
        { op: 'put', kind: 'node', object: node },
        { op: 'put', kind: 'network', object: ingressNetwork(interfaces, now) },
      ],
    });
  } finally {
    await store.close();
  }
  return {
    nodeId: node.ID,
    role: 'manager',
    listenHost: at.listenHost,
    listenPort: at.listenPort,
    advertiseHost: at.advertiseHost,
    advertisePort: at.advertisePort,
    ...(dataPathHost ? { dataPathHost } : {}),
    ...placesOf(request, interfaces),
    managers: [{ NodeID: node.ID, Addr: node.ManagerStatus!.Addr }],
  };
}

/** The record of a manager that founds its cluster anew. What is not asked for stays as it was. @throws ApiError 400 */
export function readdressed(
  record: MembershipRecord,
  { ListenAddr, AdvertiseAddr, DataPathAddr }: InitRequest,
  interfaces: readonly HostInterface[],
): MembershipRecord {
  const advertised = AdvertiseAddr || hostPort(record.advertiseHost, record.advertisePort);
  const at = resolveAddresses(
    ListenAddr || hostPort(record.listenHost, record.listenPort),
    advertised,
    interfaces,
  );
  const { advertiseFrom, dataPathFrom, ...rest } = record;
  const given = placesOf({ ListenAddr, AdvertiseAddr, DataPathAddr }, interfaces);
  const places = {
    advertiseFrom: AdvertiseAddr ? given.advertiseFrom : advertiseFrom,
    dataPathFrom: DataPathAddr ? given.dataPathFrom : dataPathFrom,
  };
  return {
    ...rest,
    ...at,
    ...(places.advertiseFrom === undefined ? {} : { advertiseFrom: places.advertiseFrom }),
    ...(places.dataPathFrom === undefined ? {} : { dataPathFrom: places.dataPathFrom }),
    ...(DataPathAddr ? { dataPathHost: resolveDataPathAddress(DataPathAddr, interfaces) } : {}),
    managers: [{ NodeID: record.nodeId, Addr: hostPort(at.advertiseHost, at.advertisePort) }],
  };
}

/** Leaves the manager of that record as the only one of the cluster in the store: the others are workers from then on. */
export async function foundAnew(store: Store, record: MembershipRecord, clock: Clock): Promise<void> {
  const UpdatedAt = timestamp(clock.now());
  const Addr = hostPort(record.advertiseHost, record.advertisePort);
  await store.commit((view) => {
    const [cluster] = view.all('cluster');
    const node = view.get('node', record.nodeId);
    if (!cluster || !node) throw new Error(`the state has no cluster with the node ${record.nodeId}`);
    const ManagerStatus = { Leader: true, Reachability: 'reachable', Addr } as const;
    const own: Node = { ...node, UpdatedAt, Spec: { ...node.Spec, Role: 'manager' }, ManagerStatus };
    const others = [...view.all('node')].flatMap((each) =>
      each.ID !== node.ID && each.Spec.Role === 'manager' ? asWorker({ ...each, UpdatedAt }) : [],
    );
    return {
      changes: [
        { op: 'put', kind: 'cluster', object: { ...cluster, UpdatedAt } },
        ...[own, ...others].map((object) => ({ op: 'put', kind: 'node', object }) as const),
      ],
    };
  });
}

/** The network of the routing mesh, for IPv6 too unless this host has none; users may replace it by one of their own. */
function ingressNetwork(interfaces: readonly HostInterface[], now: number): Network {
  const at = timestamp(now);
  const EnableIPv6 = interfaces.some(({ addresses }) => addresses.some((address) => address.includes(':')));
  return {
    ...{ ID: newId(), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    Spec: { Name: 'ingress', Driver: 'overlay', Scope: 'swarm', EnableIPv6, Ingress: true, Labels: {} },
    internal: {},
  };
}

/** What `docker swarm init` asked for, over SwarmKit's defaults. */
function initialSpec(given: ClusterSpec, autoLock: boolean): ClusterSpec {
  return {
    ...given,
    Name: given.Name || 'default',
    Labels: given.Labels ?? {},
    Orchestration: {
      TaskHistoryRetentionLimit: given.Orchestration?.TaskHistoryRetentionLimit ?? 5,
    },
    Raft: {
      SnapshotInterval: given.Raft?.SnapshotInterval || 10_000,
      KeepOldSnapshots: given.Raft?.KeepOldSnapshots ?? 0,
      LogEntriesForSlowFollowers: given.Raft?.LogEntriesForSlowFollowers || 500,
      ElectionTick: given.Raft?.ElectionTick || 10,
      HeartbeatTick: given.Raft?.HeartbeatTick || 1,
    },
    Dispatcher: { HeartbeatPeriod: given.Dispatcher?.HeartbeatPeriod || 5e9 },
    CAConfig: {
      ...given.CAConfig,
      NodeCertExpiry: given.CAConfig?.NodeCertExpiry || 90 * 24 * 3600e9,
    },
    TaskDefaults: given.TaskDefaults ?? {},
    EncryptionConfig: { AutoLockManagers: autoLock || (given.EncryptionConfig?.AutoLockManagers ?? false) },
  };
}

function checkPool(cidr: string, subnetSize: number): void {
  const prefix = Number(/^[\d.]+\/(\d+)$/.exec(cidr)?.[1]);
  if (!(prefix >= 1 && prefix <= 32))
    throw new ApiError(400, `invalid base pool ${cidr}: invalid CIDR address: ${cidr}`);
  if (prefix > subnetSize)
    throw new ApiError(400, `invalid CIDR: "${cidr}". Subnet size is too small for pool: ${subnetSize}`);
}
