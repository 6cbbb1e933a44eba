/** What the benchmark says to its processes, and what those answer. */
import type { Member } from '../../src/store/etcd/member-messages.ts';

export interface ManagerStart {
  /** For the database and the manager's identity. */
  directory: string;
  /** The cluster port, on the loopback address. */
  port: number;
  /** Unix socket to serve the API on. */
  socket: string;
  /** How many tasks there will be. */
  tasks: number;
  /** The address of its member of etcd, whose certificate is there; absent: the state is in SQLite. */
  etcd?: string;
}

/** Revisions, and when (ms) each was shown first. */
export interface SeenReport {
  type: 'seen';
  at: [number, number][];
}

export interface FollowerStart {
  folder: string;
  /** Of its member of etcd, which was added as a learner. */
  address: string;
  name: string;
  memberId: string;
  members: Member[];
}

export type FollowerReport =
  | { type: 'started' }
  | { type: 'ready' }
  | { type: 'log'; message: string }
  | SeenReport
  | Failure;

export type ManagerReport =
  | { type: 'ready' }
  /** The store holds as much of all tasks, since `at` (milliseconds since the epoch). */
  | {
      type: 'reached';
      what: 'created' | 'placed' | 'running';
      at: number;
      /** What was written since the manager started: transactions, and tasks in them. */
      commits: number;
      writes: number;
    }
  /** No task is left since `at`. How many tasks were placed, and told to run, after their service was gone. */
  | { type: 'gone'; at: number; placed: number; started: number }
  /** The tasks that there are, and when (ms) one was last written. */
  | { type: 'state'; at: number; tasks: number; running: number }
  /** How long (ms) the event loop's turns have taken since the first service was created. */
  | { type: 'delay'; p50: number; p99: number; max: number }
  | SeenReport
  | Failure;

export interface AgentsStart {
  /** The manager's cluster port, host:port. */
  remote: string;
  joinToken: string;
  /** The numbers of its hosts: so many from the first one on. */
  first: number;
  agents: number;
  /** For the agents' identities. */
  directory: string;
}

export type AgentsReport = { type: 'joined' } | { type: 'log'; message: string } | Failure;

export interface ListsStart {
  /** Of the API. */
  socket: string;
  path: string;
  /** Milliseconds between an answer and the next question. */
  pause: number;
}

export type ListsReport = { type: 'ready' } | ({ type: 'latencies' } & Answers) | Failure;

/** How many answers there were, how long they took (ms), and how large (bytes) the last one was. */
export interface Answers {
  count: number;
  p50: number;
  p99: number;
  most: number;
  bytes: number;
}

export interface PlacementStart {
  /** For the database. */
  directory: string;
  agents: number;
  services: number;
  replicas: number;
}

/** How long it took, and how much processor time. */
export type PlacementReport = { type: 'placed' | 'removed'; ms: number; cpuMs: number } | Failure;

/** Something that must not happen: the benchmark is void. */
export interface Failure {
  type: 'failed';
  message: string;
}
