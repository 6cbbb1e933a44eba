/**
 * What a manager and an agent say to each other: JSON over HTTP/2 with mutual TLS on the cluster port (2377).
 *
 *   GET  /ca                  no certificate needed → CaAnswer; the caller checks it against the digest in its token
 *   POST /ca/issue            no certificate needed: IssueRequest → IssueAnswer
 *   POST /ca/renew            RenewRequest → IssueAnswer, for the same node and the role it has now
 *   POST /session             SessionRequest → a stream of lines, each one a DownMessage; the agent's session
 *   POST /session/ID/status   StatusRequest → {}
 *   POST /session/ID/describe HostDescription → {}
 *   POST /session/ID/networks NetworksApplied → {}
 *   POST /session/ID/image    ImageRequest → the image as `docker save` writes it, from a node that has it, and headers
 *                             that say what it is (IMAGE_HEADERS); 404 if no node has it
 *   POST /session/ID/attach   AttachRequest → AttachAnswer: addresses for a container that is no task's
 *   POST /session/ID/attached AttachedReport → AttachedAnswer: all such containers of the node, as they are
 *   POST /session/ID/check/N  CheckReport → {}: the answer to a `check`
 *   POST /session/ID/away     {} → {}: the host is about to be switched off; answered when nobody is led to its tasks any more
 *   POST /tunnel/KEY          both directions are the raw bytes of a connection to the node's engine, or to the API of its host:
 *                             what a manager waits for after a `dial`, over another connection than the session's
 *   POST /leave               {} → {}: the node leaves; its certificate is good for nothing afterwards
 *   GET  /leader              → LeaderAnswer, as the manager that is asked knows it, whether it leads or not
 *   POST /managers/join       managers only: ManagerJoin → ManagerJoined: a place among the managers
 *   POST /managers/ready      managers only: ManagerReady → {}: its member of etcd runs; answered when it has a vote. 410 if it
 *                             has to join again
 *   POST /managers/certificate managers only: ManagerJoin → IssueAnswer: another certificate for its member of etcd
 *   POST /managers/leave      managers only: {} → {}: the node, which is to be a worker, has no place among the managers any more
 *   POST /api                 managers only: both directions are the raw bytes of a connection to the API of this manager,
 *                             for what only the leader may do
 *   POST /dial/NODE/DOOR/KEY  managers only: → {}: the node is told to open a tunnel to the manager that asks (see DialRequest)
 *
 * Agents have their sessions with the manager that leads. Another one answers /session, /ca/issue, /ca/renew, /leave and
 * /managers/… with NotLeading: 421 if it knows who leads, 503 if nobody does just now.
 *
 * Each request says which version of the protocol is spoken (`protocol-version.ts`); 426 to who is too old or too new.
 *
 * Liveness is the manager's to judge: it sends an HTTP/2 PING on each session's connection every third of the heartbeat
 * period at least. A request with a certificate that is not a node's of this cluster, or for a role it does not have, gets 403.
 * Errors are {"message": …} with the status of the API.
 */
import type { NetworkUpdate } from './network-state.ts';
import type {
  Config,
  NetworkAttachment,
  Node,
  NodeDescription,
  Secret,
  Task,
  TaskStatus,
} from './objects.ts';
import type { Offer } from './registration.ts';
import type { Driver } from './spec.ts';

export const CLUSTER_PORT = 2377;

export interface ManagerAddress {
  NodeID: string;
  /** Of its cluster port, `host:port`. */
  Addr: string;
}

export interface NotLeading {
  message: string;
  /** The leader's `host:port`, with status 421. */
  leader?: string;
  /** All that there are. */
  managers: ManagerAddress[];
}

export interface LeaderAnswer {
  /** Absent: there is none just now, or the manager does not know of it. */
  leader?: ManagerAddress;
  /** All that there are. */
  managers: ManagerAddress[];
}

export interface CaAnswer {
  /** PEM of the root certificate whose digest is in the join tokens, then of others trusted just now. */
  roots: string;
}

export interface IssueRequest {
  /** PEM of a certificate signing request. */
  csr: string;
  token: string;
  availability?: string;
  /** The address that other nodes reach this one at; empty: the one the request came from. */
  addr?: string;
  /** The version of the etcd on that host, without which it can be no manager. */
  etcd?: string;
}

export interface ManagerJoin {
  /** PEM of a signing request, for its member of etcd. */
  csr: string;
  /** The IP address at which the other managers reach it. */
  address: string;
}

export interface ManagerJoined {
  memberId: string;
  /** All members of etcd, this one included. */
  members: Array<{ ID: string; name: string; peerURLs: string[]; isLearner: boolean }>;
  /** PEM. */
  certificate: string;
  roots: string;
  /** The key that the state's secrets are encrypted with, base64. */
  dataKey: string;
}

export interface ManagerReady {
  /** host:port of its cluster port. */
  addr: string;
}

export interface RenewRequest {
  csr: string;
}

export interface IssueAnswer {
  nodeId: string;
  role: 'worker' | 'manager';
  /** PEM of the node's certificate. */
  certificate: string;
  /** PEM of all roots to trust. */
  roots: string;
}

/** What a node that joins is told. */
export interface JoinAnswer extends IssueAnswer {
  /** All managers; absent from those of before this was told. */
  managers?: ManagerAddress[];
}

export interface HostDescription extends NodeDescription {
  /** The engine does not answer: this is what it said last. */
  EngineAway?: true;
}

export interface SessionRequest {
  description: HostDescription;
  /** The address that other nodes reach this one at; empty: the one the connection comes from. */
  addr?: string;
  /** The address that carries the traffic between containers; empty or absent: the same. */
  dataPathAddr?: string;
  /** The public key of this host's tunnels of encrypted networks, as WireGuard writes keys (32 bytes, base64). */
  tunnelKey?: string;
}

/** This host's networks are now as they were said to be at that revision, or at a later one. */
export interface NetworksApplied {
  revision: number;
  /** Not all of it could be done: it is tried again, and nobody is told when that succeeds. */
  failed?: true;
}

/** Errors have Docker's texts: 404 no such network, 403 not attachable, 409 no (such) address to be had. */
export interface AttachRequest {
  /** Of the attachment, made up by the node. */
  id: string;
  /** The network's id or name, as the user wrote it. */
  network: string;
  /** Addresses that the user wants, without prefix length; others are given. */
  addresses: string[];
  aliases: string[];
  /** The container has name servers of its own. */
  ownNameServers: boolean;
}

export interface AttachAnswer {
  networkId: string;
  /** CIDR, IPv4 first. */
  addresses: string[];
  /** The network itself, if the node has it for itself: then there are no addresses of the cluster's. */
  nodeLocal?: NetworkAttachment['Network'];
}

/** A container of the node that is no task's and is on networks of the cluster. */
export interface AttachedContainer {
  id: string;
  name: string;
  running: boolean;
  /** The services of the registry that it is an instance of, while it can serve. */
  offers?: Offer[];
  /** Addresses without prefix length. */
  networks: Array<{ id: string; addresses: string[] }>;
}

export interface AttachedReport {
  /** All there are. */
  containers: AttachedContainer[];
  /** Ids of attachments whose containers are being made just now, and may be among these or not. */
  pending: string[];
}

export interface AttachedAnswer {
  /** What of it cannot be: containers with addresses that belong to others. For people. */
  refused: string[];
}

/** A host whose address a container asks for, by name or id. */
export interface NodeAddressRequest {
  name: string;
}

export interface NodeAddressAnswer {
  /** None: there is no such host. */
  addresses: string[];
}

/** Only for an image that a task of this node uses. */
export interface ImageRequest {
  /** As in the task's spec. */
  reference: string;
}

/** `build`: which one it is (`image-build.ts`). `node`: the name of the host it comes from. `size`: about how much it is, in bytes. */
export const IMAGE_HEADERS = { build: 'image-build', node: 'image-node', size: 'image-size' } as const;

export interface StatusRequest {
  statuses: Array<{ taskId: string; status: TaskStatus }>;
}

/** A task for this node with what it needs. Secrets and configs come before the tasks that use them. */
export interface Assignments {
  /** True: this is all there is; whatever is not in it has to go. */
  full: boolean;
  tasks: AssignedTask[];
  /** Ids of tasks that are no more: their containers are removed. */
  removedTasks: string[];
  /** Ids of services that are no more: of their tasks nothing is started; those that run are each told to stop. */
  removedServices: string[];
  /** With the content that their version says. Those removed are named by `contentKey`. */
  secrets: Secret[];
  configs: Config[];
  removedSecrets: string[];
  removedConfigs: string[];
}

export interface AssignedTask {
  task: Task;
  /** X-Registry-Auth value for pulling the image. */
  auth?: string;
  /** The cluster's default log driver, for a task whose spec names none. */
  logDriver?: Driver;
}

/** What a connection to a host leads to: its engine as it is, or the API that Essaim serves there. */
export type Door = 'engine' | 'api';

/** Open POST /tunnel/KEY and join it to a new connection to what is behind that door. */
export interface DialRequest {
  /** Made up by the manager that waits for it; nobody can guess it. */
  key: string;
  to: Door;
  /** That manager's host:port; absent: the one whose session it is. */
  manager?: string;
}

export type DownMessage =
  | {
      type: 'session';
      sessionId: string;
      nodeId: string;
      clusterId: string;
      /** The manager's revision when the session began. */
      revision: number;
      /** Whether the state is that of several managers, however many are left. Managers of before do not say. */
      several?: boolean;
      managers: ManagerAddress[];
      roots: string;
      /** Nanoseconds, from the cluster's spec. */
      heartbeatPeriod: number;
    }
  | ({ type: 'assignments' } & Assignments)
  /** Comes before the assignments that need it. */
  | ({ type: 'networks' } & NetworkUpdate)
  /** The node's own object has changed (labels, availability, role). */
  | { type: 'node'; node: Node }
  /** Roots or settings have changed. `renew`: get a new certificate now. */
  | { type: 'trust'; roots: string; renew: boolean }
  /** The heartbeat period is another one now (nanoseconds). */
  | { type: 'period'; heartbeatPeriod: number }
  /** Managers have come or gone, or have other addresses: all that there are. */
  | { type: 'managers'; managers: ManagerAddress[] }
  | ({ type: 'dial' } & DialRequest)
  /** Compare this host's networks with what they have to be, and answer with POST /session/ID/check/N. */
  | { type: 'check'; check: number };
