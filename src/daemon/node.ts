/** What runs on each host that is in a swarm: its agent, the link to the managers, and the care for its certificate. */
import type { Duplex } from 'node:stream';
import { runAgent } from '../agent/agent.ts';
import { HostAttachments } from '../agent/attachments/attachments.ts';
import type { ContainerNetworks, FetchImage } from '../agent/contract.ts';
import { isEarlierState } from '../agent/earlier-state.ts';
import { EngineTasks } from '../agent/engine-tasks/engine-tasks.ts';
import { NodeLocalNetworks } from '../agent/engine-tasks/node-local.ts';
import { KnownManagers } from '../agent/known-managers.ts';
import { leaveCluster } from '../agent/leave.ts';
import { createManagerLink } from '../agent/link.ts';
import { startRenewal } from '../agent/renewal.ts';
import type { EngineClient } from '../engine/client.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Clock } from '../model/clock.ts';
import { newId } from '../model/id.ts';
import { type CheckReport, digestsOf } from '../model/network-check.ts';
import type { DataPlane } from '../network/contract.ts';
import { hostInterfaces } from './address/interfaces.ts';
import { followAddress, underlayOf } from './address/readdress.ts';
import { etcdHere } from './manager/etcd-here.ts';
import type { MembershipRecord } from './membership/swarm-dir.ts';
import type { Log } from './process/log.ts';

export interface NodeOptions {
  /** The record as it is now. */
  current(): MembershipRecord;
  /** Keeps what is otherwise from now on: which managers there are, or were said to be; where this host is. */
  changed(change: Partial<MembershipRecord>): void;
  /** This host has another address now. */
  moved(): Promise<void>;
  identity: NodeIdentity;
  engine: EngineClient;
  /** A new connection to the API that is served on this host. */
  connectApi(): Promise<Duplex>;
  networks: DataPlane;
  clock: Clock;
  log: Log;
  /** Folder for what containers get from the cluster as files; kept in memory. */
  filesFolder: string;
  /** Addresses of managers, best first. */
  managers(): string[];
  /** The node's role in the swarm, as its object has it. */
  roleIs(role: MembershipRecord['role']): void;
}

export interface RunningNode {
  /** Resolves when a manager has taken this node in for the first time since it was started: it is Ready then. */
  readonly ready: Promise<void>;
  /** For containers that are no tasks. */
  readonly containers: ContainerNetworks;
  /** Where the hosts of the swarm of that name, or id, are reached. Rejects where no manager answers. */
  nodeAddresses(name: string): Promise<string[]>;
  /** The host is about to be switched off: resolves when nobody is led to its tasks any more and they have stopped. */
  switchOff(): Promise<void>;
  /** Gets a new certificate, for the role that the node has now. */
  renew(): void;
  /** Ends everything here; containers go on. */
  close(): Promise<void>;
}

export function startNode(options: NodeOptions): RunningNode {
  const { identity, engine, clock, log, managers } = options;
  const record = options.current();
  const over = new AbortController();
  const switchOff = new AbortController();
  const renewal = startRenewal({
    identity,
    managers,
    clock,
    random: Math.random,
    onError: (error) => log.warn({ err: error }, 'cannot renew the certificate of this node yet'),
  });
  /** The revision at which the last session began. */
  let begunAt = 0;
  const known = new KnownManagers(record.managers, (all) => options.changed({ managers: all }));
  const link = createManagerLink({
    identity,
    managers,
    learned: (some) => known.learned(some),
    isEarlier: (hello) => isEarlierState(hello, options.current().several),
    connectEngine: (to) => (to === 'api' ? options.connectApi() : engine.connect()),
    checkNetworks: () => checkHost(options.networks),
    renew: () => renewal.renewNow(),
    onError: (error) => log.warn({ err: error }, 'link to the manager'),
  });
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
  const nodeLocal = new NodeLocalNetworks(engine);
  const attachments = new HostAttachments({
    engine,
    networks: options.networks,
    nodeLocal,
    link,
    clock,
    newId,
    log: (message) => log.info({}, message),
    signal: over.signal,
  });
  const following = attachments.run();
  const agent = runAgent({
    link,
    engine: engineTasks({
      ...options,
      nodeLocal,
      nodeId: record.nodeId,
      fetchImage: (reference, signal) => link.fetchImage(reference, signal),
    }),
    networks: options.networks,
    clock,
    random: Math.random,
    log: (message) => log.info({}, message),
    addresses: () => {
      const { advertiseHost, dataPathHost = '' } = options.current();
      return { addr: advertiseHost, dataPathAddr: dataPathHost };
    },
    tunnelKey: options.networks.tunnelKey,
    tlsInfo: () => identity.tlsInfo(),
    etcd: etcdHere,
    heard(message) {
      // Assignments follow once the manager has written down what it was told of this host.
      if (message.type === 'assignments') {
        becomeReady();
        if (message.full) attachments.greeted();
      }
      if (message.type === 'session') begunAt = message.revision;
      if (message.type === 'session' || message.type === 'managers') {
        known.are(message.managers);
        const several = message.type === 'session' ? message.several : message.managers.length > 1;
        if (several && begunAt > (options.current().several ?? -1)) options.changed({ several: begunAt });
      }
      if (message.type === 'node')
        options.roleIs(message.node.Spec.Role === 'manager' ? 'manager' : 'worker');
    },
    switchOff: switchOff.signal,
    signal: over.signal,
  }).catch((error: unknown) => log.error({ err: error }, 'the agent has ended'));
  const moving = followAddress({
    record: options.current,
    interfaces: hostInterfaces,
    clock,
    moved(place) {
      log.info(place, 'this host has another address now');
      options.changed(place);
      options.networks
        .moveTo(underlayOf(options.current()))
        .catch((error: unknown) => log.warn({ err: error }, 'networks do not begin at the new address yet'));
      options
        .moved()
        .catch((error: unknown) => log.warn({ err: error }, 'the manager here is not moved yet'));
      link.reopen('this host has another address now');
    },
    signal: over.signal,
  }).catch((error: unknown) => log.error({ err: error }, "this host's address is not followed any more"));
  return {
    ready,
    containers: attachments,
    nodeAddresses: (name) => link.nodeAddresses(name),
    renew: () => renewal.renewNow(),
    async switchOff() {
      switchOff.abort();
      await agent;
    },
    async close() {
      over.abort(new Error('the node stops'));
      await Promise.all([agent, following, moving, renewal.close()]);
    },
  };
}

async function checkHost(networks: DataPlane): Promise<CheckReport> {
  const found = await networks.check();
  const { state, revision, counters } = networks;
  return {
    ...(revision === undefined ? {} : { revision }),
    told: state ? digestsOf(state) : {},
    differences: found.map(({ networkId, message }) => ({
      ...(networkId === undefined ? {} : { network: networkId }),
      message,
    })),
    mended: counters.mended,
  };
}

/** The tasks of that node on this host's engine. */
export function engineTasks(
  options: Pick<NodeOptions, 'engine' | 'networks' | 'clock' | 'log' | 'filesFolder'> & {
    nodeId: string;
    nodeLocal?: NodeLocalNetworks;
    fetchImage?: FetchImage;
  },
): EngineTasks {
  const { log, ...rest } = options;
  return new EngineTasks({ ...rest, log: (message) => log.info({}, message) });
}

/** Tells the managers that this node leaves. @throws if none takes note within `patience` ms */
export function sayGoodbye(identity: NodeIdentity, managers: string[], patience: number): Promise<void> {
  return leaveCluster(identity, managers, AbortSignal.timeout(patience));
}
