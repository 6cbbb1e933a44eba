/** What the API face needs from the daemon that serves it. */
import type { Duplex } from 'node:stream';
import type { ContainerNetworks } from '../agent/contract.ts';
import type { EngineClient } from '../engine/client.ts';
import type { ClusterCheck } from '../model/network-check.ts';
import type { Cluster } from '../model/objects.ts';
import type { ClusterSpec } from '../model/spec.ts';
import type { Store } from '../store/contract.ts';

export interface InitRequest {
  ListenAddr?: string | null;
  AdvertiseAddr?: string | null;
  DataPathAddr?: string | null;
  DataPathPort?: number | null;
  DefaultAddrPool?: string[] | null;
  SubnetSize?: number | null;
  ForceNewCluster?: boolean | null;
  AutoLockManagers?: boolean | null;
  Availability?: string | null;
  Spec?: ClusterSpec | null;
}

export interface JoinRequest {
  ListenAddr?: string | null;
  AdvertiseAddr?: string | null;
  DataPathAddr?: string | null;
  RemoteAddrs?: string[] | null;
  JoinToken?: string | null;
  Availability?: string | null;
}

export interface RestoreRequest {
  ListenAddr?: string | null;
  AdvertiseAddr?: string | null;
  DataPathAddr?: string | null;
  /** The passphrase or the unlock key that the backup was made with. */
  Secret?: string | null;
}

export interface MembershipStatus {
  state: 'inactive' | 'pending' | 'active' | 'error' | 'locked';
  nodeId: string;
  nodeAddr: string;
  error: string;
  /** It is one of several managers, of which too few can be reached for it to begin. */
  isWaiting?: boolean;
  /** The managers that this node knows; empty when inactive. */
  managers: Array<{ NodeID: string; Addr: string }>;
}

/** This host's place in a swarm. All errors are ApiErrors with Docker's texts. */
export interface Membership {
  status(): MembershipStatus;
  /** Present while this host is a manager. */
  manager(): ManagerFace | undefined;
  /** Present while this host is in a swarm. */
  containers(): ContainerNetworks | undefined;
  /** Calls `listener` whenever this host has taken or left its place: what `manager` and `containers` answer may have changed. */
  watch(listener: () => void): void;
  /** Returns the new node's id. */
  init(request: InitRequest): Promise<string>;
  join(request: JoinRequest): Promise<void>;
  leave(force: boolean): Promise<void>;
  /** Takes up a swarm from its backup, as its only manager. Returns this node's id. */
  restore(request: RestoreRequest, archive: Buffer): Promise<string>;
  /** Has this worker look for its managers at these addresses, `host:port`. */
  follow(managers: readonly string[]): Promise<void>;
  /** Opens a locked manager's files. */
  unlock(unlockKey: string): Promise<void>;
}

export interface ClusterUpdate {
  /** The version that the caller read; another one is refused. */
  version: number;
  spec: ClusterSpec;
  rotateWorkerToken: boolean;
  rotateManagerToken: boolean;
  rotateUnlockKey: boolean;
}

/** The manager that decides on what changes the state, as this one knows of it. */
export interface Leader {
  /** Whether it is this one. */
  isHere(): boolean;
  /** @throws NotCurrentError, with Docker's text, if what this manager knows may be out of date: too few managers can be reached. */
  requireCurrent(): void;
  /** A new connection to the API of the leader, owned by the caller. Rejects if there is none that can be reached. */
  connect(): Promise<Duplex>;
  /** Resolves when another manager leads, or after so many milliseconds. */
  changed(patience: number): Promise<void>;
}

export interface ManagerFace {
  store: Store;
  leader: Leader;
  nodeId: string;
  cluster(): Cluster;
  updateCluster(update: ClusterUpdate): Promise<void>;
  /** The key that opens locked managers; empty if they are not locked. Whoever asks for it is taken to have it from then on. */
  unlockKey(): Promise<string>;
  /** The state as it is now, as a file. @param passphrase absent: the unlock key. Throws ApiError 400 without either */
  backup(passphrase: string | undefined): AsyncIterable<Buffer>;
  /** A client of the engine on that node, through its agent. Throws 503 if the node has no session just now. */
  engineOf(nodeId: string): EngineClient;
  /** The same of the API that Essaim serves on that node, which knows the cluster's networks. */
  apiOf?(nodeId: string): EngineClient;
  /** Asks all hosts whether their networks are as the store has them. */
  checkNetworks(): Promise<ClusterCheck>;
  /** Ends the node's session at once (it was removed). */
  disconnect(nodeId: string): void;
  newId(): string;
  now(): number;
}
