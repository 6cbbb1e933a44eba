/** What goes over the live socket, and the rows of its lists: shared with the browser's side. */
import type { HostRows } from './protocol-hosts.ts';

export type * from './protocol-hosts.ts';

/** Subscribe to a channel: `services`, `tasks?service=ID`, … `since`: the revision that the client has it at. */
export type ClientMessage =
  | { op: 'open'; channel: string; since?: number }
  | { op: 'close'; channel: string };

export type ServerMessage =
  /** Rows that are new or have changed, and those that are gone. `whole`: these are all there are. */
  | { channel: string; revision: number; whole?: true; rows: unknown[]; gone?: string[] }
  /** Lines of a log (`logs?service=ID`, `?task=ID`, `?node=ID&container=ID`) as they are written. `over`: nothing more comes. */
  | { channel: string; lines: LogLine[]; over?: true }
  /** The channel is over: it is not known, or not to be had. */
  | { channel: string; error: string };

interface Versioned {
  id: string;
  /** As the Docker API's Version.Index. */
  version: number;
}

export interface PortRow {
  published?: number;
  target: number;
  protocol: string;
  mode: string;
}

/** Parallelism 0: all at once; durations in ms. */
export interface UpdateRulesRow {
  parallelism: number;
  order: string;
  delay: number;
  monitor: number;
  failureAction: string;
}

/** The last update or roll-back, and while it is under way how it goes about it. */
export interface UpdateRow {
  state: string;
  message: string;
  started?: string;
  /** Its rules, of a roll-back those of roll-backs. */
  rules: UpdateRulesRow;
  /** How many places were to be filled anew when it began, and how many tasks that it made have failed. */
  slots?: number;
  failures?: number;
}

export interface ServiceRow extends Versioned {
  name: string;
  stack?: string;
  image: string;
  mode: 'replicated' | 'global' | 'replicated-job' | 'global-job';
  running: number;
  /** Tasks that should run, or complete. */
  wanted: number;
  completed: number;
  ports: PortRow[];
  update?: UpdateRow;
  created: string;
  updated: string;
  /** Why tasks of it do not run, each reason once, most frequent first. */
  problems: string[];
}

export interface TaskRow extends Versioned {
  /** `web.1` */
  name: string;
  service: string;
  serviceName: string;
  stack?: string;
  slot?: number;
  node?: string;
  nodeName?: string;
  image: string;
  state: string;
  desired: string;
  /** When it reached its state. */
  at: string;
  created: string;
  message: string;
  error?: string;
  container?: string;
  exitCode?: number;
  addresses: string[];
  /** It is not what its service asks for now: it is to be replaced, or was. */
  old?: true;
}

export interface NodeRow extends Versioned {
  name: string;
  role: string;
  availability: string;
  state: string;
  message?: string;
  address: string;
  leader: boolean;
  manager: boolean;
  engine: string;
  platform: string;
  /** Billionths of a processor; bytes. */
  cpus: number;
  memory: number;
  reservedCpus: number;
  reservedMemory: number;
  /** Tasks that are wanted on it. */
  tasks: number;
  labels: Record<string, string>;
}

/** A container on a network: a task's, or one that was attached to it. */
export interface MemberRow extends Versioned {
  name: string;
  /** CIDR. */
  addresses: string[];
  node?: string;
  nodeName?: string;
  state: string;
  /** Present if it is a task's. */
  task?: string;
}

/** A task on the map: what a screen on the wall may show. */
export interface TileRow extends Versioned {
  name: string;
  service: string;
  serviceName: string;
  stack?: string;
  node?: string;
  state: string;
  desired: string;
}

/** A host on the map. */
export interface PlaceRow extends Versioned {
  name: string;
  role: string;
  state: string;
  availability: string;
}

export interface StackRow extends Versioned {
  services: number;
  /** Services of it that have all that they should. */
  converged: number;
  running: number;
  wanted: number;
  updating: number;
  /** What it was last deployed from here; absent: by the CLI. */
  revision?: number;
  by?: string;
  updated: string;
  problems: string[];
}

export interface NetworkRow extends Versioned {
  name: string;
  driver: string;
  scope: string;
  stack?: string;
  subnets: string[];
  encrypted: boolean;
  attachable: boolean;
  internal: boolean;
  created: string;
  services: string[];
}

/** A secret or a config, without what is in it. */
export interface ContentRow extends Versioned {
  name: string;
  stack?: string;
  created: string;
  updated: string;
  labels: Record<string, string>;
  services: string[];
}

export interface AuditRow extends Versioned {
  at: string;
  actor: string;
  via: string;
  address: string;
  method: string;
  path: string;
  /** The name of what it was about. */
  about?: string;
  status: number;
}

/** The rows of each list of the swarm's state. */
export interface StateRows {
  services: ServiceRow;
  tasks: TaskRow;
  nodes: NodeRow;
  tiles: TileRow;
  places: PlaceRow;
  stacks: StackRow;
  networks: NetworkRow;
  members: MemberRow;
  secrets: ContentRow;
  configs: ContentRow;
  audit: AuditRow;
}
export type Rows = StateRows & HostRows;
export type List = keyof Rows;

/** The answer of GET /essaim/session. */
export interface Account {
  name: string;
  role: 'administrator' | 'operator' | 'deployer' | 'viewer';
  stacks: string[];
  disabled: boolean;
  created: string;
}

/** What a node says to a task that waits. */
export interface NodeVerdict {
  node: string;
  name: string;
  fits: boolean;
  /** The first filter that it fails. */
  filter?: string;
  text: string;
}

/** The answer of GET /essaim/tasks/ID/why. */
export interface Why {
  stage: 'allocate' | 'schedule' | 'host' | 'prepare' | 'start' | 'running' | 'back-off' | 'over';
  state: string;
  desired: string;
  message: string;
  error?: string;
  /** While it waits for a node. */
  nodes: NodeVerdict[];
  /** When it is tried again, RFC 3339. */
  next?: string;
  /** How often its slot was started again. */
  restarts?: number;
}

/** A task that would have to leave its node. */
export interface DrainRow {
  task: string;
  /** `web.1` */
  name: string;
  service: string;
  /** Names of the nodes that could take it now. */
  fits: string[];
  /** If there is none: what each node lacks. */
  why: string[];
  /** Its service has one on each node: it is not made up for. */
  isGlobal?: true;
  /** Volumes of it whose content stays where it is. */
  volumes: string[];
}

/** The answer of GET /essaim/nodes/ID/drain. */
export interface DrainPlan {
  tasks: DrainRow[];
  /** Services of which no task would run any more. */
  emptied: string[];
}

/** A line of a log. */
export interface LogLine {
  /** The id of the task that has written it; empty if that is not known. */
  task: string;
  stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  at: string;
  text: string;
}

/** What the server says at a console, besides the bytes: its id, to come back to it; its end. */
export type ConsoleMessage = { id: string } | { exit: number } | { error: string };

/** One thing that a deployment would do. */
export interface PlanRow {
  kind: 'network' | 'secret' | 'config' | 'service';
  name: string;
  action: 'create' | 'update' | 'keep' | 'remove';
  changes: Array<{ field: string; before?: unknown; after?: unknown }>;
  /** How many tasks are started anew. */
  restarts: number;
}

/** How the tasks of a service would be replaced. */
export interface Rollout {
  id: string;
  name: string;
  running: number;
  rules: UpdateRulesRow;
}

/** The answer of POST /essaim/services/ID/plan: what that spec would change, and how many tasks start anew for it. */
export interface ServicePlan {
  changes: PlanRow['changes'];
  restarts: number;
  rollout: Rollout;
}

/** The answer of GET /essaim/configs/ID/versions, and of secrets. */
export interface ContentVersionsOf {
  /** Those that are still there, newest first. */
  versions: Array<{
    version: number;
    at: string;
    /** The services that stand for it, and those that would again after a roll-back. */
    services: string[];
    before: string[];
    /** Base64; of secrets never. */
    data?: string;
  }>;
  /** What new content would have replaced. */
  rollouts: Rollout[];
}

/** The answer of GET /essaim/stacks/NAME/diff: what would be changed of one revision to make another one of it. */
export interface StackDifference {
  /** Text by name; of what runs, the file that is made of it. */
  before: Record<string, string>;
  after: Record<string, string>;
  /** Undefined if one of them cannot be read any more. */
  changes?: PlanRow[];
}

/** The answer of POST /essaim/compose/check. */
export interface Checked {
  /** From 1. */
  problems: Array<{
    file: string;
    line: number;
    column: number;
    severity: 'error' | 'warning';
    message: string;
  }>;
  variables: Array<{ name: string; fallback?: string; required?: string; isSet: boolean }>;
  /** Undefined if there is an error. */
  plan?: PlanRow[];
}
