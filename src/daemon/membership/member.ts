/** What runs on a host for the swarm that it is in: its networks, its agent and, where it is one, the manager. */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { detachAll } from '../../agent/attachments/attachments.ts';
import type { ManagerFace } from '../../api/contract.ts';
import type { EngineClient } from '../../engine/client.ts';
import { loadIdentity, type NodeIdentity } from '../../identity/node-identity.ts';
import type { Clock } from '../../model/clock.ts';
import type { Measure } from '../../model/measure.ts';
import { createHostNetworks, type HostNetworks } from '../../network/host-networks.ts';
import { hostPort } from '../address/address.ts';
import { hostInterfaces } from '../address/interfaces.ts';
import { newPlace, underlayOf } from '../address/readdress.ts';
import { removeEtcd } from '../manager/manager-state.ts';
import { Managing } from '../manager/managing.ts';
import { engineTasks, type RunningNode, startNode } from '../node.ts';
import type { Log } from '../process/log.ts';
import type { MembershipRecord, SwarmDir } from './swarm-dir.ts';

/** How long (ms) the daemon's start waits for that. */
const START_PATIENCE = 3_000;

export const IDENTITY = 'identity';
const NETWORKS = 'networks';
const FILES = 'files';

export interface MemberOptions {
  /** The daemon's folder. */
  data: string;
  engine: EngineClient;
  clock: Clock;
  /** Called whenever there is a manager on this host, or none any more. */
  changed(): void;
  /** Whether clients of the API are being answered. */
  clientsWait(): boolean;
  /** Told of how long a manager's things take. */
  measure?: Measure | undefined;
  /** Serves this host's API on a connection from another manager. */
  serveApi(connection: Duplex): void;
  /** A new connection to the API of this host. */
  connectApi(): Promise<Duplex>;
  log: Log;
}

export interface Unlocked {
  fileKey?: Buffer;
  networks?: HostNetworks;
}

/** A host in a swarm, running. Its containers run on when it is closed. */
export class Member {
  #record: MembershipRecord;
  readonly identity: NodeIdentity;
  readonly networks: HostNetworks;
  readonly #dir: SwarmDir;
  readonly #options: MemberOptions;
  #node: RunningNode | undefined;
  readonly #managing: Managing;

  /**
   * Throws if the folder has no usable identity or database.
   * @param unlocked what a locked manager's files are encrypted with, and its networks if they run already
   */
  static async start(
    last: MembershipRecord,
    dir: SwarmDir,
    options: MemberOptions,
    unlocked: Unlocked = {},
  ): Promise<Member> {
    const place = newPlace(last, hostInterfaces());
    const record = { ...last, ...place };
    if (place) dir.update(record);
    const identity = await loadIdentity(join(dir.path, IDENTITY), unlocked.fileKey);
    if (!identity)
      throw new Error(`${dir.path} has no node identity: leave the swarm with --force and join again`);
    const networks = unlocked.networks ?? (await startNetworks(record, options));
    if (place && unlocked.networks) await networks.moveTo(underlayOf(record));
    const member = new Member(record, identity, networks, dir, options, unlocked.fileKey);
    try {
      await member.#managing.begin();
      // What runs here need not wait for a manager that needs others to begin.
      member.#start();
      if (record.role === 'manager') await member.settled(START_PATIENCE);
      return member;
    } catch (error) {
      await member.#managing.close('stop');
      if (networks !== unlocked.networks) await networks.close();
      throw error;
    }
  }

  private constructor(
    record: MembershipRecord,
    identity: NodeIdentity,
    networks: HostNetworks,
    dir: SwarmDir,
    options: MemberOptions,
    fileKey: Buffer | undefined,
  ) {
    this.#record = record;
    this.#dir = dir;
    this.#options = options;
    this.identity = identity;
    this.networks = networks;
    const { data, engine, clock, clientsWait, serveApi, connectApi, log } = options;
    this.#managing = new Managing({
      ...{ data, swarm: dir.path, identity, fileKey, engine, clock, clientsWait, serveApi, connectApi, log },
      measure: options.measure,
      record: () => this.#record,
      update: (change) => this.#update(change),
      managers: () => this.#managers(),
      renew: () => this.#node?.renew(),
      changed: () => options.changed(),
    });
  }

  #start(): void {
    const { engine, connectApi, clock, log, data } = this.#options;
    this.#node = startNode({
      ...{ identity: this.identity, networks: this.networks, engine, clock, log },
      connectApi,
      filesFolder: join(data, FILES),
      managers: () => this.#managers(),
      current: () => this.#record,
      changed: (change) => this.#update(change),
      moved: () => this.#managing.moved(),
      roleIs: (role) => this.#managing.become(role),
    });
    this.networks.names.askForNodes((name) => this.node.nodeAddresses(name));
  }

  get node(): RunningNode {
    return this.#node!;
  }

  /** This host's own first, where it has one. */
  #managers(): string[] {
    const { listenHost, listenPort, managers } = this.#record;
    const local = this.manager ? [hostPort(loopback(listenHost), listenPort)] : [];
    return [...local, ...managers.map(({ Addr }) => Addr)];
  }

  #update(change: Partial<MembershipRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#dir.update(this.#record);
  }

  /** As it is now: managers come and go, and addresses change. */
  get record(): MembershipRecord {
    return this.#record;
  }

  get manager(): ManagerFace | undefined {
    return this.#managing.face;
  }

  /** Whether there is to be a manager here, and none is yet. */
  get isWaiting(): boolean {
    return this.#record.role === 'manager' && this.#managing.isWanted && !this.manager;
  }

  /** Why there is no manager here although there should be one; empty if nothing is wrong. */
  get problem(): string {
    return this.#managing.problem;
  }

  /** Resolves when the manager here is as the node's role has it, or after so many milliseconds. */
  settled(patience: number): Promise<void> {
    return this.#managing.settled(patience);
  }

  /** These are its managers from now on. */
  follow(managers: MembershipRecord['managers']): void {
    this.#update({ managers });
  }

  /** What its files are encrypted with at the moment, on a manager that is to be locked. */
  get fileKey(): Buffer | undefined {
    return this.#managing.fileKey;
  }

  async close(): Promise<void> {
    await this.node.close();
    await this.networks.close();
    await this.#managing.close('stop');
  }

  /** Another manager leads from now on, if there is one that can. Never rejects. */
  handOver(): Promise<void> {
    return this.#managing.handOver();
  }

  /** The other managers go on without this one. Rejects if they do not within so many milliseconds. */
  bow(patience: number): Promise<void> {
    return this.#managing.bow(patience);
  }

  /** Ends the manager here, as this host has left the swarm. */
  closeManager(): Promise<void> {
    return this.#managing.close('left');
  }
}

/** Removes what a membership that has ended left on this host. `running`: its networks, if they still run. */
export async function removeLeftovers(
  record: MembershipRecord,
  options: MemberOptions,
  running?: HostNetworks,
): Promise<void> {
  const networks = running ?? (await startNetworks(record, options));
  const filesFolder = join(options.data, FILES);
  try {
    await removeEtcd(options.data);
    await engineTasks({ ...options, networks, nodeId: record.nodeId, filesFolder }).clear();
    await detachAll(options.engine);
  } catch (error) {
    // Nobody else has them any more, and while they run the daemon does not end.
    await networks.close();
    throw error;
  }
  await networks.remove();
}

/** The host's networks as they were left, served to its engine. */
export function startNetworks(
  record: MembershipRecord,
  { data, engine, clock, log }: MemberOptions,
): Promise<HostNetworks> {
  return createHostNetworks({
    engine,
    stateDir: join(data, NETWORKS),
    underlayAddress: underlayOf(record),
    clock,
    log,
  });
}

function loopback(listenHost: string): string {
  if (listenHost === '0.0.0.0') return '127.0.0.1';
  return listenHost === '::' ? '::1' : listenHost;
}
