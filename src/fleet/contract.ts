/** What is on all hosts, as whoever serves it to people sees it. */
import type { EngineClient, EngineEvent } from '../engine/client.ts';
import type { ContainerRecord, ImageRecord, Labels, NetworkRecord, VolumeRecord } from './records.ts';

/**
 * Pending: never reached yet, or not acceptable. Unhealthy: it was, and does not answer. Disconnected: it is no member
 * any more.
 */
export type HostStatus = 'Pending' | 'Healthy' | 'Unhealthy' | 'Disconnected';

/** What a host's engine says of itself. */
export interface HostFacts {
  /** The engine's id; several engines may share one. */
  readonly engineId: string;
  readonly name: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** The engine's labels, with those that tell of its system. */
  readonly labels: Readonly<Labels>;
  readonly version: string;
  readonly apiVersion: string;
}

/** A member of a fleet, before anything is known of it. */
export interface Member {
  /** Unique and lasting: what tells it from the others. */
  readonly key: string;
  /** What people are shown: `192.168.99.101:2375`. */
  readonly address: string;
  /** What the addresses of published ports are shown as; its name is looked up if it has one instead. */
  readonly host: string;
  readonly engine: EngineClient;
  /** Called when it is no member any more. */
  close(): void;
  /** Labels besides those of the engine, as they are now. */
  labels?(): Readonly<Labels>;
}

export interface Host {
  readonly key: string;
  readonly address: string;
  /** An IP address. */
  readonly ip: string;
  readonly engine: EngineClient;
  readonly status: HostStatus;
  /** Undefined until it was reached for the first time. */
  readonly facts: HostFacts | undefined;
  /** Why it is not Healthy, as far as that is known; empty otherwise. */
  readonly problem: string;
  /** Failed attempts to reach it since the last success, requests of others among them. */
  readonly failures: number;
  /** When (ms since the epoch) it was last seen to answer; 0 if never. */
  readonly answeredAt: number;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number;
  readonly containers: ReadonlyMap<string, ContainerRecord>;
  readonly images: readonly ImageRecord[];
  readonly networks: readonly NetworkRecord[];
  readonly volumes: readonly VolumeRecord[];
  /** Looks at one container again; resolves with whether its record is up to date: not, if the engine has failed. */
  refreshContainer(id: string): Promise<boolean>;
  refreshImages(): Promise<void>;
  refreshNetworks(): Promise<void>;
  refreshVolumes(): Promise<void>;
  /** Looks at all of it again. */
  refresh(): Promise<void>;
  /** Leaves a container out, until it is seen again. */
  forget(id: string): void;
}

/** What happened on a host, or to it. */
export type FleetEvent =
  | { type: 'engine'; host: Host; event: EngineEvent }
  /** What is known of it was looked at again. */
  | { type: 'contents'; host: Host }
  | { type: 'connect' | 'reconnect' | 'disconnect'; host: Host };

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface FleetTiming {
  /** How long (ms) until the lists of a host are read again, at least and at most. */
  refreshMin: number;
  refreshMax: number;
  /** So many attempts to reach a host fail in a row until it counts as lost. */
  failureRetry: number;
}
