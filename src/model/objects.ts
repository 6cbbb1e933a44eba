/**
 * The objects of a cluster, in the shape of the Docker Engine API. What only the cluster needs to know about an object
 * stands under `internal`, beside the spec and never inside it; the API face leaves `internal` out of its answers.
 *
 * Objects taken from a view are shared and immutable: change a copy and commit it.
 */
import type { Offer } from './registration.ts';
import type {
  ClusterSpec,
  ConfigSpec,
  Driver,
  EndpointSpec,
  GenericResource,
  NetworkSpec,
  NodeSpec,
  Platform,
  PortConfig,
  SecretSpec,
  ServiceSpec,
  TaskSpec,
} from './spec.ts';
import type { TaskState } from './task-state.ts';

export interface Meta {
  ID: string;
  /** The store's revision at which this object was last written; set by the store. 0: not yet stored. */
  Version: { Index: number };
  /** RFC 3339, set by whoever writes the object. */
  CreatedAt: string;
  UpdatedAt: string;
}

export interface TLSInfo {
  /** PEM of the root certificates that are trusted. */
  TrustRoot: string;
  /** Base64 of the DER subject and public key of the certificate's issuer. */
  CertIssuerSubject: string;
  CertIssuerPublicKey: string;
}

export interface Cluster extends Meta {
  Spec: ClusterSpec;
  TLSInfo: TLSInfo;
  RootRotationInProgress: boolean;
  DefaultAddrPool: string[];
  SubnetSize: number;
  DataPathPort: number;
  internal: {
    joinTokens: { Worker: string; Manager: string };
    /** PEM. The root that signs node certificates. */
    caCert: string;
    caKey: string;
    /**
     * PEM of roots that are still trusted while a rotation runs; join tokens pin the first of them, and caCert when
     * there is none.
     */
    oldRoots: string[];
    /**
     * PEM of caCert's key as certified by the root before it, and so on back to the pinned one; empty without a rotation.
     * It goes with certificates, so that who knows only the pinned root accepts them.
     */
    crossSigned: string;
    /** That of the last rotation. A manager's etcd that has not been started since trusts the root of before alone. */
    lastCrossSigned?: string;
    /**
     * The key of encrypted networks, there while there are any: text, since when (ms), and the public key of the root
     * that signed certificates then.
     */
    networkKey?: { key: string; since: number; issuer: string };
    /**
     * The unlock key of the managers, there while they are to be locked. Until it has been shown to somebody, managers need
     * the key of before, or none if there was none: a key that nobody has must not be needed.
     */
    unlock?: { key: string; shown: boolean; before?: string };
  };
}

export interface NodeDescription {
  Hostname: string;
  Platform: Platform;
  Resources: { NanoCPUs: number; MemoryBytes: number; GenericResources?: GenericResource[] };
  Engine: {
    EngineVersion: string;
    Labels: Record<string, string>;
    Plugins: Array<{ Type: string; Name: string }>;
  };
  TLSInfo: TLSInfo;
  /** The subnets, CIDR, that the host has routes to: overlay networks keep out of them. */
  Routes?: string[];
  /** The version of the etcd that the host could run as one of several managers. */
  Etcd?: string;
}

/** unknown: the host answers but its daemon or its engine is away; no new tasks, its tasks stay. down: the host is lost or left. */
export type NodeState = 'unknown' | 'down' | 'ready' | 'disconnected';

export interface Node extends Meta {
  Spec: NodeSpec;
  /** Absent until the node's agent has described its host for the first time. */
  Description?: NodeDescription;
  Status: { State: NodeState; Message?: string; Addr: string };
  ManagerStatus?: { Leader?: boolean; Reachability: 'unknown' | 'unreachable' | 'reachable'; Addr: string };
  internal: {
    /** When the node's state became down, milliseconds since the epoch. */
    downSince?: number;
    /** The node has left the cluster by itself: its certificate is good for nothing any more. */
    left?: boolean;
    /** As a service's. */
    specAfter?: number;
    /** Its own addresses, CIDR, in each network that it has a part in, by the network's id. The allocator's alone. */
    networks?: Record<string, string[]>;
    /** The address that carries the traffic between containers; its Status.Addr if absent. */
    dataPathAddr?: string;
    /** The public key of its tunnels of encrypted networks, as WireGuard writes keys. */
    tunnelKey?: string;
    /** Its engine does not answer its daemon. */
    engineAway?: boolean;
    /** Of a manager, once there are several: the id of its member of etcd. */
    member?: string;
  };
}

export interface UpdateStatus {
  State: 'updating' | 'paused' | 'completed' | 'rollback_started' | 'rollback_paused' | 'rollback_completed';
  StartedAt?: string;
  CompletedAt?: string;
  Message: string;
}

export interface ServiceEndpoint {
  Spec: EndpointSpec;
  Ports?: PortConfig[];
  VirtualIPs?: Array<{ NetworkID: string; Addr: string }>;
}

export interface Service extends Meta {
  Spec: ServiceSpec;
  PreviousSpec?: ServiceSpec;
  Endpoint: ServiceEndpoint;
  UpdateStatus?: UpdateStatus;
  JobStatus?: { JobIteration: { Index: number }; LastExecution: string };
  internal: {
    /** The revision at which Spec was last written by a user; tasks remember the one they were made from. */
    specVersion: number;
    previousSpecVersion?: number;
    /**
     * A revision before the one at which Spec was last written, such that whoever has read this object at a later one
     * has seen the Spec of now: what the cluster notes on the object does not make a user's update stale.
     */
    specAfter?: number;
    /** The contents that Spec stands for, and those that PreviousSpec does. */
    contents?: ContentVersions;
    previousContents?: ContentVersions;
    /** Which build (`model/image-build.ts`) Spec means by a tag, if it was built on a manager's host, and PreviousSpec. */
    imageBuild?: string;
    previousImageBuild?: string;
    /**
     * Set while the service was last changed not by a new spec but by new content of what it uses. The rolling update
     * does not begin before (ms): who changes content often changes the spec right after it, and one update is enough
     * for both.
     */
    contentSettlesAt?: number;
    /** The rolling update or rollback that is under way; the orchestrator's alone. */
    update?: {
      /** Names this run; tasks made by it carry it. */
      run: string;
      specVersion: number;
      rollback: boolean;
      /** When the run began, milliseconds. */
      startedAt: number;
      /** How many slots were to be replaced when it began, and how many of their new tasks have failed. */
      slots: number;
      failures: number;
    };
  };
}

export interface TaskStatus {
  Timestamp: string;
  State: TaskState;
  Message: string;
  Err?: string;
  ContainerStatus?: { ContainerID: string; PID: number; ExitCode: number };
  PortStatus: { Ports?: PortConfig[] };
}

export interface NetworkAttachment {
  /** With its whole spec if it is one that each node has for itself. */
  Network: { ID: string; Spec: NetworkSpec & { Name: string } };
  /**
   * CIDR, IPv4 first. They are the task's for as long as it has a place on a node; later they say what it had. None in a
   * network that each node has for itself.
   */
  Addresses: string[];
}

export interface Task extends Meta {
  Labels: Record<string, string>;
  /** A copy of the service's TaskTemplate when the task was made. */
  Spec: TaskSpec;
  ServiceID: string;
  /** 1..N for replicated services, 0.. for replicated jobs, absent for global ones. */
  Slot?: number;
  NodeID?: string;
  Status: TaskStatus;
  DesiredState: TaskState;
  NetworksAttachments?: NetworkAttachment[];
  AssignedGenericResources?: GenericResource[];
  JobIteration?: { Index: number };
  internal: {
    /** `internal.specVersion` of the service that this task was made from. */
    specVersion: number;
    /** The contents of what its spec refers to. */
    contents?: ContentVersions;
    /** Which build its spec means by a tag, for where no registry has that. */
    imageBuild?: string;
    /** The service's name and labels, so that a task keeps its name after its service is gone. */
    service: { Name: string; Labels: Record<string, string> };
    endpoint?: EndpointSpec;
    /** A task with desired state `ready` goes on to `running` at this time (ms) and once `after` has stopped. */
    notBefore?: number;
    after?: string;
    /**
     * The latest restarts of this slot under this spec version: when (ms), and on which node the task had failed
     * (empty if it had not: its node was lost or drained, or it was complete).
     */
    restarts?: Array<{ at: number; node: string }>;
    /** How many restarts of this slot there were under this spec version. */
    restartCount?: number;
    /** The restart policy has said that this task is not to be replaced: its slot stays as it is. */
    finished?: boolean;
    /** While it waits for a node: how many more tasks of its service are not made before there is room for them. */
    unmade?: number;
    /** Made by the update `run` of the service; `doneAt`: when it was first seen running or dead (ms). */
    update?: { run: string; doneAt?: number; failed?: boolean };
    /** The cluster's log driver for tasks that name none, as it was when this task was made. */
    logDriver?: Driver;
  };
}

export interface Network extends Meta {
  Spec: NetworkSpec;
  internal: {
    /** What the allocator has given it; absent until it has, and in networks that each node has for itself. */
    allocated?: {
      /** VXLAN network identifier. */
      vni: number;
      /** IPv4 first. `gateway` without prefix length. */
      subnets: Array<{ subnet: string; gateway: string; range?: string; reserved?: string[] }>;
    };
  };
}

/** A container that is no task's on one of the cluster's networks. Its addresses are its own until it is gone from there. */
export interface Attachment extends Meta {
  NetworkID: string;
  NodeID: string;
  /** CIDR, IPv4 first. Empty until the allocator has given them. */
  Addresses: string[];
  internal: {
    /** Addresses that were asked for, without prefix length. */
    wanted?: string[];
    /** Why it cannot have addresses. */
    lack?: string;
    /** Further names under which the container is found in the network. */
    aliases?: string[];
    /** The container was given name servers of its own. */
    ownNameServers?: boolean;
    /** Absent while the container is being made. */
    container?: { id: string; name: string; running: boolean; offers?: Offer[] };
  };
}

/** Versions of the contents of secrets and configs by their ids. What is not named is at its first version, 0. */
export type ContentVersions = Readonly<Record<string, number>>;

export interface Secret extends Meta {
  /** Its data is the newest content. */
  Spec: SecretSpec;
  internal: { contentVersion?: number };
}

export interface Config extends Meta {
  /** Its data is the newest content. */
  Spec: ConfigSpec;
  internal: { contentVersion?: number };
}

/** What a secret or config contained before it was changed; its ID is made by `contentKey`. Encrypted at rest. */
export interface OldContent extends Meta {
  /** The secret or config, and the version that this was. */
  of: string;
  version: number;
  Data?: string;
  Templating?: Driver;
  internal: {
    /** The services that stood for it when it was replaced, by id: nobody else ever uses it. */
    services: readonly string[];
  };
}

/**
 * Registry credentials (base64 of the X-Registry-Auth header). Of a service: its ID is the service's; or of a registry, for
 * all hosts (control/registries.ts). Encrypted at rest.
 */
export interface Credential extends Meta {
  auth?: string;
  previousAuth?: string;
  internal: Record<string, never>;
}

/**
 * A container that is to outlive its host; its ID is its swarm id. Encrypted at rest: its environment may be secret.
 */
export interface Keepsake extends Meta {
  /** All that it takes to make it anew, as whoever serves the swarm as one engine writes and reads it. */
  content: object;
  internal: Record<string, never>;
}
