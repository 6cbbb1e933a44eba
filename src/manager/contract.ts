/**
 * What the parts of a manager need of each other: the server on the cluster port, the dispatcher behind it, and the
 * certificate authority.
 *
 * The server owns connections: it authenticates, reads and writes the wire, gives each session its id, keeps at most one
 * session per node (a newer one closes the older one first) and tells sessions about changed roots by itself.
 * The dispatcher owns what is said in a session.
 */
import type { Readable } from 'node:stream';
import type { ClusterUpdate } from '../api/contract.ts';
import type { CheckReport } from '../model/network-check.ts';
import type {
  AttachAnswer,
  AttachedAnswer,
  AttachedReport,
  AttachRequest,
  DialRequest,
  DownMessage,
  HostDescription,
  IssueAnswer,
  IssueRequest,
  ManagerJoin,
  ManagerJoined,
  NetworksApplied,
  RenewRequest,
  SessionRequest,
  StatusRequest,
} from '../model/protocol.ts';

/** One agent's session. Everything is a no-op once it is closed. */
export interface AgentSession {
  readonly id: string;
  readonly nodeId: string;
  /** The IP address that the connection comes from. */
  readonly remoteAddr: string;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
  /** Queues a message. False: the session is over, or has just been ended because its agent does not read. */
  send(message: DownMessage): boolean;
  /**
   * An HTTP/2 PING on the session's connection: resolves when it is answered, which may be late or (a dead host) never;
   * rejects when the session ends. The caller sets the time limit.
   */
  ping(): Promise<void>;
  /** Ends the session and its connection; `reason` is for the log. `Sessions.closed` follows. */
  close(reason: string): void;
}

/** The dispatcher as the server sees it. A rejection is answered to the agent: an ApiError as it is, else with 500. */
export interface Sessions {
  /**
   * A node has opened a session. `session` is the first message to be sent, before this returns its promise (nothing
   * that the server sends by itself comes before). A rejection ends the session.
   */
  opened(session: AgentSession, request: SessionRequest): Promise<void>;
  status(session: AgentSession, request: StatusRequest): Promise<void>;
  describe(session: AgentSession, description: HostDescription): Promise<void>;
  networks(session: AgentSession, applied: NetworksApplied): Promise<void>;
  /** The host is about to be switched off. Resolves when no other one leads anybody to its tasks, or after STOP_BOUND. */
  away(session: AgentSession): Promise<void>;
  /** Called exactly once for every session that was opened, also when the server itself ends it. */
  closed(session: AgentSession, reason: string): void;
  /** The node leaves the cluster; afterwards the server ends its session. */
  leave(nodeId: string): Promise<void>;
}

/** The certificate authority. All errors are ApiErrors. */
export interface Authority {
  /** PEM of the root pinned by the join tokens, then of others trusted just now. */
  roots(): string;
  /** Makes a node for who holds a join token. `remoteAddr`: the address the request came from. */
  issue(request: IssueRequest, remoteAddr: string): Promise<IssueAnswer>;
  /** A new certificate for a node, with the role it has now. */
  renew(nodeId: string, request: RenewRequest): Promise<IssueAnswer>;
  /**
   * A certificate for the etcd of that manager at an IP address: PEM of the request. Its chain and roots are for the
   * files of `members/peer-files.ts`.
   */
  certifyMember(nodeId: string, request: { csr: string; address: string }): Promise<IssueAnswer>;
  /** The node's certificate is good for nothing any more, and it gets no other. */
  revoke(nodeId: string): Promise<void>;
  updateCluster(update: ClusterUpdate): Promise<void>;
  /** As ManagerFace has it. */
  unlockKey(): Promise<string>;
  close(): Promise<void>;
}

/** Takes nodes in among the managers, and lets them go. All errors are ApiErrors. */
export interface ManagerDesk {
  join(nodeId: string, request: ManagerJoin): Promise<ManagerJoined>;
  ready(nodeId: string, addr: string): Promise<void>;
  leave(nodeId: string): Promise<void>;
}

/** What a manager does for nodes while it leads. */
export interface Duties {
  authority: Authority;
  /** Absent: this manager stays the only one. */
  managers?: ManagerDesk | undefined;
  sessions: Sessions;
  attachments: AttachmentDesk;
  /** Where the nodes of that host name, or of that id, are reached; the name without regard to case. */
  addressesOf(name: string): string[];
  /** Absent: no images are given to nodes. */
  images?: ImageSource | undefined;
}

/** Who leads, as this manager knows. */
export interface Office {
  /** Node id; undefined: nobody. */
  leader(): string | undefined;
  /** Whether what this manager knows of the cluster is as new as can be. */
  isCurrent(): boolean;
  /** Calls `listener` whenever another manager leads, or none. Returns the function that ends that. */
  watch(listener: () => void): () => void;
}

/** The images that nodes have, for nodes that cannot get them from a registry. */
export interface ImageSource {
  /**
   * The image of that reference for one of this node's tasks. Waits until it is its turn. Rejects with ApiError: 403 if
   * no task of the node uses it, 404 if no node that answers has it.
   */
  open(nodeId: string, reference: string, signal: AbortSignal): Promise<ImageStream>;
}

/** Addresses for containers that are no tasks. Rejects with ApiError, with Docker's texts. */
export interface AttachmentDesk {
  /** Resolves when the container of that node has its addresses. */
  attach(nodeId: string, request: AttachRequest, signal: AbortSignal): Promise<AttachAnswer>;
  /** Takes in which containers there are on the node. `signal`: whether its word still counts. */
  attached(nodeId: string, report: AttachedReport, signal: AbortSignal): Promise<AttachedAnswer>;
}

export interface ImageStream {
  /** Which build it is (`model/image-build.ts`). */
  build: string;
  /** The name of the host that it comes from. */
  node: string;
  /** About how much it is, in bytes. */
  size: number;
  /** As `docker save` writes it. To be read to its end or destroyed. */
  stream: Readable;
}

export interface ClusterServer {
  readonly address: string;
  readonly port: number;
  /**
   * Has the node open a tunnel to this manager. Throws 503 if it has no session here; the signal is aborted when that is
   * over.
   */
  dial(nodeId: string, request: DialRequest): AbortSignal;
  /** Has the host compare its networks. Rejects with 503 without a session, or an answer within `patience` ms. */
  check(nodeId: string, patience: number): Promise<CheckReport>;
  /** Ends the node's session and every connection it holds, at once (it was removed). */
  disconnect(nodeId: string): void;
  /** Ends all sessions, but not the connections that other things are done over. */
  endSessions(reason: string): void;
  close(): Promise<void>;
}
