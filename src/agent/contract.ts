/**
 * What an agent needs from outside: a way to its manager and an engine that runs tasks. Real ones speak HTTP/2 and the
 * Docker Engine API; a simulation gives its own.
 */
import type { Readable } from 'node:stream';
import type { Config, NodeDescription, Secret, TaskStatus } from '../model/objects.ts';
import type {
  AssignedTask,
  AttachRequest,
  DownMessage,
  HostDescription,
  NetworksApplied,
  SessionRequest,
  StatusRequest,
} from '../model/protocol.ts';
import type { DataPlane } from '../network/contract.ts';

export interface ManagerLink {
  /** Opens a session with a manager. Throws if none can be reached or it refuses; the agent tries again later. */
  open(request: SessionRequest, signal: AbortSignal): Promise<ManagerSession>;
}

export interface ManagerSession {
  /** Ends when the session ends, throws when it breaks; either way the agent opens a new one. */
  messages: AsyncIterable<DownMessage>;
  report(request: StatusRequest): Promise<void>;
  describe(description: HostDescription): Promise<void>;
  /** This host's networks are as the manager said they should be at that revision, or could not be made so. */
  networksApplied(applied: NetworksApplied): Promise<void>;
  /** This host is about to be switched off. Resolves when nobody is led to its tasks any more. */
  away(): Promise<void>;
  close(): void;
}

/** An image on its way from another node. */
export interface ImageTransfer {
  /** Which build it is (`model/image-build.ts`). */
  build: string;
  /** The name of the host that it comes from. */
  node: string;
  /** About how much it is, in bytes. */
  size: number;
  /** As `docker save` writes it. To be read to its end or destroyed. */
  stream: Readable;
}

/** Asks the manager for an image that a task here uses. Rejects with ApiError: 404 if no node has it, 503 without one. */
export type FetchImage = (reference: string, signal: AbortSignal) => Promise<ImageTransfer>;

/** What makes this host's networks. */
export type HostNetworks = Pick<DataPlane, 'apply'>;
/** What a task's container needs of them. */
export type TaskNetworks = Pick<DataPlane, 'ensureNetwork' | 'dnsServerFor' | 'complete'>;

/** A network that a container which is no task's is to be on. */
export type WantedNetwork = Omit<AttachRequest, 'id'>;

/** What its engine has to be told. */
export interface ContainerPlace {
  /** The engine's own network, by its name, or by its id where it has others of that name. */
  network: string;
  /** The host has it for itself: its engine gives addresses and answers for names. */
  isNodeLocal?: true;
  /** Without prefix length. */
  ipv4: string | undefined;
  ipv6: string | undefined;
  /** The name server for the container. */
  nameServer: string | undefined;
}

/** Brings containers of this host that are no tasks onto the cluster's networks. */
export interface ContainerNetworks {
  /**
   * Gets addresses and hands them to `make`, in the order asked for, which makes the container or connects it; what it
   * does not use is given back. Rejects with ApiError, or with what `make` throws.
   */
  attach<T>(wanted: readonly WantedNetwork[], make: (places: ContainerPlace[]) => Promise<T>): Promise<T>;
  /** Resolves when the manager knows which containers there are. Rejects if it cannot be told now. */
  refresh(): Promise<void>;
  /**
   * Takes a container out of what the registry's names answer, then has `stop` stop it; once that is done, whatever its
   * outcome, the container is told of as it is. Where no manager answers, it is stopped all the same.
   */
  ending<T>(containerId: string, stop: () => Promise<T>): Promise<T>;
}

/** A container of a task as the engine knows it, found again by its labels after any restart. */
export interface TaskContainer {
  containerId: string;
  taskId: string;
  /** created: never started. exited includes dead. */
  state: 'created' | 'running' | 'exited';
  health?: 'starting' | 'healthy' | 'unhealthy';
  pid: number;
  exitCode: number;
  /** The engine's own error text (a failed start). */
  error?: string;
  ports: TaskStatus['PortStatus'];
}

/** What of the cluster's content a task uses, by `contentKey`. */
export interface TaskDependencies {
  secrets: ReadonlyMap<string, Secret>;
  configs: ReadonlyMap<string, Config>;
}

/** The step could not be carried out just now (the engine does not answer): the task itself is not to blame. */
export class TemporaryError extends Error {}

/**
 * Carries out single steps for tasks. Every method may reject with the engine's error, or with a TemporaryError if the
 * same step may succeed later; none retries by itself.
 */
export interface TaskEngine {
  describe(): Promise<Omit<NodeDescription, 'TLSInfo'>>;
  /** All containers of this node's tasks. Process ids are left out (0). */
  list(): Promise<TaskContainer[]>;
  /** The container of a task as it is now, or as it ended if somebody has removed it; undefined if nothing is known. */
  inspect(taskId: string): Promise<TaskContainer | undefined>;
  /**
   * Pulls (or finds) the image, checks networks, creates volumes and the container. Idempotent per task. `progress` is
   * told what takes long. Resolves with the container's id.
   */
  prepare(
    assigned: AssignedTask,
    dependencies: TaskDependencies,
    signal: AbortSignal,
    progress?: (message: string) => void,
  ): Promise<string>;
  /** Starts the container, unless it was ever started before: a task runs once. Rejects if aborted before its turn. */
  start(taskId: string, signal: AbortSignal): Promise<void>;
  /** Of a container that runs: resolves when it can be reached at all its addresses, or has ended. */
  complete(assigned: AssignedTask, container: TaskContainer): Promise<void>;
  /**
   * Of a container that runs and has no health check: resolves when its published ports are listened at, when it has ended
   * or had its time for it, or when aborted.
   */
  listening(assigned: AssignedTask, container: TaskContainer, signal: AbortSignal): Promise<void>;
  /**
   * Asks the container to stop with its signal, as soon as nobody is being served by it any more (for which it waits no
   * longer than a few seconds), and kills it after its grace period.
   */
  stop(assigned: AssignedTask): Promise<void>;
  /** Stops the container if it runs, removes it, its anonymous volumes and what was prepared for it. */
  remove(taskId: string): Promise<void>;
  /** Returns when aborted. */
  watch(hooks: EngineHooks, signal: AbortSignal): Promise<void>;
}

export interface EngineHooks {
  /**
   * Something happened to the container of that task (died, health, destroyed); undefined: events may have been lost,
   * and everything should be looked at.
   */
  changed(taskId: string | undefined): void;
  /**
   * Whether the engine answers, when that is found out. One that is about to end counts as one that does not: it ends its
   * containers, and what is begun now would not last.
   */
  answers(does: boolean): void;
}
