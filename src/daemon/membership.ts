/**
 * This host's place in a swarm: none, on the way into one, a worker, or the manager. One change at a time; what it is
 * survives a kill at any moment (swarm-dir.ts).
 */
import { join } from 'node:path';
import { detachAll } from '../agent/attachments/attachments.ts';
import type { ContainerNetworks } from '../agent/contract.ts';
import type { InitRequest, JoinRequest, ManagerFace, Membership, MembershipStatus } from '../api/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import { createIdentity, loadIdentity, type NodeIdentity } from '../identity/node-identity.ts';
import type { Manager } from '../manager/manager.ts';
import type { Clock } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import { newId } from '../model/id.ts';
import type { DataPlane } from '../network/contract.ts';
import { createHostNetworks } from '../network/host-networks.ts';
import type { Store } from '../store/contract.ts';
import { hostPort, resolveAddresses, resolveDataPathAddress } from './address.ts';
import { EnginesOfNodes } from './engines.ts';
import { hostInterfaces } from './interfaces.ts';
import type { Log } from './log.ts';
import { engineTasks, type RunningNode, sayGoodbye, startNode } from './node.ts';
import { type MembershipRecord, SwarmDir } from './swarm-dir.ts';

const IDENTITY = 'identity';
const DATABASE = 'cluster.db';
const NETWORKS = 'networks';
/** How long `docker swarm join` waits before it goes on in the background, in ms. */
const JOIN_PATIENCE = 20_000;
/** How long a leaving node waits for its manager to take note, in ms. */
const GOODBYE_PATIENCE = 5_000;
/** How long init and join wait for the node to be Ready, in ms. What is late will come: it is no error. */
const READY_PATIENCE = 5_000;

const ALREADY =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';
const NOT_IN = 'This node is not part of a swarm';
const LAST_MANAGER =
  'You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ';
const ONLY_MANAGERS =
  'This node is not a swarm manager: only a manager has the state that a new cluster is made from.';
const STILL_JOINING =
  'Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the "docker info" command to see the current swarm status of your node.';

export interface HostMembershipOptions {
  data: string;
  engine: EngineClient;
  clock: Clock;
  /** Whether clients of the API are being answered. */
  clientsWait(): boolean;
  log: Log;
}

/** A host in a swarm, running. */
interface Active {
  record: MembershipRecord;
  identity: NodeIdentity;
  networks: DataPlane;
  node: RunningNode;
  manager?: { face: ManagerFace; running: Manager; store: Store; engines: EnginesOfNodes };
}

interface Joining {
  request: JoinRequest;
  abort: AbortController;
  done: Promise<void>;
}

export class HostMembership implements Membership {
  readonly #options: HostMembershipOptions;
  readonly #dir: SwarmDir;
  readonly #filesFolder: string;
  #active: Active | undefined;
  #joining: Joining | undefined;
  #error = '';
  /** Init, join and leave change what the others look at: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: HostMembershipOptions) {
    this.#options = options;
    this.#dir = new SwarmDir(options.data);
    this.#filesFolder = join(options.data, 'files');
  }

  /** Takes up what this host was when its daemon ended. Errors are kept and shown by `docker info`, not thrown. */
  async resume(): Promise<void> {
    const { log } = this.#options;
    try {
      this.#dir.discard();
      const left = this.#dir.unfinishedLeave();
      if (left) await this.#cleanUp(left);
      const record = this.#dir.read();
      // A join that was still waiting for its manager is not taken up again, as with Docker.
      if (record) this.#active = await this.#start(record);
    } catch (error) {
      this.#error = (error as Error).message;
      log.error({ err: error }, 'cannot take up the membership in the swarm');
    }
  }

  status(): MembershipStatus {
    const active = this.#active;
    if (active) {
      const { record } = active;
      return {
        state: 'active',
        nodeId: record.nodeId,
        nodeAddr: record.advertiseHost,
        error: '',
        managers: record.managers,
      };
    }
    const joining = this.#joining?.request;
    if (joining) {
      const managers = (joining.RemoteAddrs ?? []).map((Addr) => ({ NodeID: '', Addr }));
      return { state: 'pending', nodeId: '', nodeAddr: '', error: '', managers };
    }
    return {
      state: this.#error ? 'error' : 'inactive',
      nodeId: '',
      nodeAddr: '',
      error: this.#error,
      managers: [],
    };
  }

  manager(): ManagerFace | undefined {
    return this.#active?.manager?.face;
  }

  containers(): ContainerNetworks | undefined {
    return this.#active?.node.containers;
  }

  init(request: InitRequest): Promise<string> {
    return this.#exclusively(async () => {
      if (request.ForceNewCluster && this.#active) return this.#foundAnew(this.#active, request);
      await this.#requireFree();
      const { foundCluster } = await import('./found.ts');
      const folder = this.#dir.make();
      let record: MembershipRecord;
      try {
        record = await foundCluster(request, {
          identityFolder: join(folder, IDENTITY),
          database: join(folder, DATABASE),
          interfaces: hostInterfaces(),
          clock: this.#options.clock,
        });
      } catch (error) {
        this.#dir.discard();
        throw error;
      }
      this.#dir.enter(record);
      try {
        this.#active = await this.#start(record);
      } catch (error) {
        // Nobody has heard of this cluster yet: it never was.
        this.#dir.leave();
        this.#dir.left();
        throw error;
      }
      await this.#becomeReady(this.#active);
      return record.nodeId;
    });
  }

  join(request: JoinRequest): Promise<void> {
    return this.#exclusively(async () => {
      await this.#requireFree();
      resolveAddresses(request.ListenAddr || '0.0.0.0:2377', request.AdvertiseAddr ?? '', hostInterfaces());
      if (!request.RemoteAddrs?.[0]) throw new ApiError(400, 'at least one RemoteAddr is required to join');
      const joining = this.#join(request);
      let tooLong = false;
      await new Promise<void>((resolve, reject) => {
        const cancel = this.#options.clock.timer(JOIN_PATIENCE, () => {
          tooLong = true;
          resolve();
        });
        joining.done.then(resolve, reject).finally(cancel);
      });
      if (!tooLong) return;
      joining.done.catch((error: unknown) => this.#joinFailed(error));
      throw new ApiError(503, STILL_JOINING);
    });
  }

  leave(force: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const joining = this.#joining;
      if (joining) {
        joining.abort.abort(new Error('called off'));
        await joining.done.catch(() => {});
      }
      const active = this.#active;
      if (!active) {
        const record = this.#error ? this.#dir.read() : undefined;
        if (record) {
          if (!force)
            throw new ApiError(503, `${this.#error}. Use --force to make this host forget its swarm.`);
          this.#dir.leave();
          await this.#cleanUp(record);
        } else if (!joining) throw new ApiError(503, NOT_IN);
        this.#error = '';
        return;
      }
      if (active.manager && !force) throw new ApiError(503, LAST_MANAGER);
      // From here on this host is out, whatever happens; a manager that cannot be told sees it go silent.
      this.#dir.leave();
      this.#active = undefined;
      await active.node.close();
      if (!active.manager) {
        await sayGoodbye(
          active.identity,
          active.record.managers.map(({ Addr }) => Addr),
          GOODBYE_PATIENCE,
        ).catch((error: unknown) =>
          this.#options.log.warn({ err: error }, 'no manager took note that this node leaves'),
        );
      }
      await this.#closeManager(active);
      await this.#cleanUp(active.record, active.networks);
    });
  }

  /** The host is about to be switched off: its tasks end in order, while everything else goes on. */
  async switchOff(): Promise<void> {
    await this.#turn.catch(() => {});
    await this.#active?.node.switchOff();
  }

  /** Ends what runs for the swarm on this host, but for its containers. */
  async close(): Promise<void> {
    await this.#turn.catch(() => {});
    this.#joining?.abort.abort(new Error('the daemon is stopping'));
    await this.#joining?.done.catch(() => {});
    if (this.#active) await this.#end(this.#active);
  }

  async #end(active: Active): Promise<void> {
    this.#active = undefined;
    await active.node.close();
    await active.networks.close();
    await this.#closeManager(active);
  }

  /** The cluster goes on with this manager as its only one, where asked for at another address. */
  async #foundAnew(active: Active, request: InitRequest): Promise<string> {
    if (!active.manager) throw new ApiError(503, ONLY_MANAGERS);
    const { foundAnew, readdressed } = await import('./found.ts');
    const record = readdressed(active.record, request, hostInterfaces());
    await this.#end(active);
    try {
      await foundAnew(join(this.#dir.path, DATABASE), record, this.#options.clock);
      this.#dir.update(record);
      this.#active = await this.#start(record);
    } catch (error) {
      this.#error = (error as Error).message;
      throw error;
    }
    await this.#becomeReady(this.#active);
    return record.nodeId;
  }

  #join(request: JoinRequest): Joining {
    const abort = new AbortController();
    const done = this.#carryOutJoin(request, abort.signal).finally(() => {
      this.#joining = undefined;
    });
    this.#joining = { request, abort, done };
    return this.#joining;
  }

  async #carryOutJoin(request: JoinRequest, signal: AbortSignal): Promise<void> {
    const at = resolveAddresses(
      request.ListenAddr || '0.0.0.0:2377',
      request.AdvertiseAddr ?? '',
      hostInterfaces(),
    );
    const remote = request.RemoteAddrs![0]!;
    const { joinCluster } = await import('../agent/join.ts');
    const joined = await joinCluster({
      remote,
      token: request.JoinToken ?? '',
      availability: request.Availability || undefined,
      addr: at.advertiseHost,
      signal,
    });
    const dataPath = request.DataPathAddr;
    const dataPathHost = dataPath && resolveDataPathAddress(dataPath, hostInterfaces());
    const record: MembershipRecord = {
      nodeId: joined.nodeId,
      role: joined.role,
      listenHost: at.listenHost,
      listenPort: at.listenPort,
      advertiseHost: at.advertiseHost,
      advertisePort: at.advertisePort,
      ...(dataPathHost ? { dataPathHost } : {}),
      managers: [{ NodeID: '', Addr: remote }],
    };
    const folder = this.#dir.make();
    await createIdentity(join(folder, IDENTITY), joined.credentials);
    this.#dir.enter(record);
    this.#active = await this.#start(record);
    await this.#becomeReady(this.#active);
  }

  async #becomeReady({ node }: Active): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.timer(READY_PATIENCE, resolve);
      void node.ready.then(resolve).finally(cancel);
    });
  }

  #joinFailed(error: unknown): void {
    if (this.#active || (error as Error).message === 'the daemon is stopping') return;
    this.#error = (error as Error).message;
    this.#options.log.error({ err: error }, 'cannot join the swarm');
  }

  async #start(record: MembershipRecord): Promise<Active> {
    const { clock, log, engine } = this.#options;
    const identity = await loadIdentity(join(this.#dir.path, IDENTITY));
    if (!identity)
      throw new Error(`${this.#dir.path} has no node identity: leave the swarm with --force and join again`);
    const networks = await this.#startNetworks(record);
    let manager: Active['manager'];
    try {
      if (record.role === 'manager') manager = await this.#startManager(record, identity);
    } catch (error) {
      await networks.close();
      throw error;
    }
    const local = record.role === 'manager' ? [hostPort(loopback(record.listenHost), record.listenPort)] : [];
    const active: Active = {
      record,
      identity,
      networks,
      manager,
      node: startNode({
        record,
        identity,
        engine,
        networks,
        clock,
        log,
        filesFolder: this.#filesFolder,
        managers: () => [...local, ...active.record.managers.map(({ Addr }) => Addr)],
        managersChanged: (managers) => {
          active.record = { ...active.record, managers };
          this.#dir.update(active.record);
        },
      }),
    };
    this.#error = '';
    return active;
  }

  async #startManager(record: MembershipRecord, identity: NodeIdentity): Promise<Active['manager']> {
    const { clock, log, engine, clientsWait } = this.#options;
    // Loaded only here: what only a manager needs costs a worker no memory.
    const [{ startManager }, { openSqliteStore }, { createImageSource }] = await Promise.all([
      import('../manager/manager.ts'),
      import('../store/sqlite/store.ts'),
      import('./image-source.ts'),
    ]);
    const store = await openSqliteStore({ path: join(this.#dir.path, DATABASE) });
    try {
      const { listenHost, listenPort } = record;
      const engines = new EnginesOfNodes((nodeId) => running.connectEngine(nodeId));
      const engineOf = (nodeId: string) => (nodeId === record.nodeId ? engine : engines.of(nodeId));
      const images = createImageSource({ store, nodeId: record.nodeId, engineOf });
      const running: Manager = await startManager({
        ...{ store, identity, listenHost, listenPort, clock, newId, clientsWait, log, images },
      });
      return { running, store, engines, face: { ...running, engineOf } };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async #closeManager({ manager }: Active): Promise<void> {
    manager?.engines.close();
    await manager?.running.close();
    await manager?.store.close();
  }

  /** Removes what a membership that has ended left on this host. */
  async #cleanUp(record: MembershipRecord, running?: DataPlane): Promise<void> {
    const networks = running ?? (await this.#startNetworks(record));
    const { nodeId } = record;
    await engineTasks({ ...this.#options, networks, nodeId, filesFolder: this.#filesFolder }).clear();
    await detachAll(this.#options.engine);
    await networks.remove();
    this.#dir.left();
  }

  #startNetworks(record: MembershipRecord): Promise<DataPlane> {
    const { data, engine, clock, log } = this.#options;
    return createHostNetworks({
      engine,
      stateDir: join(data, NETWORKS),
      underlayAddress: record.dataPathHost ?? record.advertiseHost,
      clock,
      log,
    });
  }

  async #requireFree(): Promise<void> {
    if (this.#active || this.#joining || this.#dir.read()) throw new ApiError(503, ALREADY);
    this.#error = '';
    const info = await this.#options.engine
      .json<{ Swarm?: { LocalNodeState?: string } }>('GET', '/info')
      .catch((error: unknown) => {
        throw new ApiError(503, `this host's Docker Engine is needed for that: ${(error as Error).message}`);
      });
    const own = info.Swarm?.LocalNodeState ?? 'inactive';
    if (own !== 'inactive')
      throw new ApiError(
        503,
        `this host's Docker Engine is in a swarm of its own (${own}): make it leave that first, with "docker swarm leave" on the engine's own socket`,
      );
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.catch(() => {}).then(change);
    this.#turn = turn;
    return turn;
  }
}

function loopback(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1';
  return listenHost === '::' ? '::1' : listenHost;
}
