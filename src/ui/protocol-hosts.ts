/** Rows of what is on the hosts, as the web interface tells them: what the swarm's own state does not have. */

interface OnHosts {
  id: string;
}

export interface ContainerRow extends OnHosts {
  /** Its full id. */
  container: string;
  node: string;
  nodeName: string;
  name: string;
  image: string;
  /** created, running, paused, restarting, exited, dead; unknown while its host does not answer. */
  state: string;
  health?: string;
  exitCode?: number;
  created: string;
  /** When it was started last, or ended. */
  at: string;
  ports: string[];
  networks: string[];
  /** Names of volumes that are mounted in it. */
  volumes: string[];
  stack?: string;
  service?: string;
  /** Present if it is a task's. */
  task?: string;
}

export interface ImageRow extends OnHosts {
  tags: string[];
  /** Bytes. */
  size: number;
  created: string;
  hosts: Array<{ node: string; name: string }>;
  /** Names of the containers that are made of it. */
  usedBy: string[];
}

export interface VolumeRow extends OnHosts {
  node: string;
  nodeName: string;
  name: string;
  driver: string;
  stack?: string;
  created?: string;
  labels: Record<string, string>;
  /** Names of the containers that have it mounted. */
  usedBy: string[];
}

/** Something that has happened, on a host or to the swarm. */
export interface EventRow extends OnHosts {
  at: string;
  node: string;
  nodeName: string;
  type: string;
  action: string;
  /** The id of what it has happened to. */
  of: string;
  name: string;
  scope: string;
}

/** The rows of each list of what is on the hosts. */
export interface HostRows {
  containers: ContainerRow;
  images: ImageRow;
  volumes: VolumeRow;
  events: EventRow;
}

/** What came of something that was done on several hosts: a line of JSON for each, as it comes. */
export interface HostOutcome {
  node: string;
  name: string;
  ok: boolean;
  message: string;
}

/** The sizes on a host, bytes. */
export interface DiskUse {
  node: string;
  name: string;
  error?: string;
  layers: number;
  containers: number;
  volumes: Record<string, number>;
}

/** A file in a volume. */
export interface FileRow {
  name: string;
  type: 'file' | 'folder' | 'link' | 'other';
  /** Bytes. */
  size: number;
  changed: string;
  /** As `ls` writes it: `rwxr-xr-x`. */
  mode: string;
  /** Where a link leads. */
  target?: string;
}

/** The answer of GET /essaim/stats. */
export interface Stats {
  /** Between two points, ms. */
  step: number;
  /** Time (ms since the epoch), processors in use, bytes of memory, bytes a second: received, sent, read, written. */
  points: number[][];
  /** Hosts that have not told theirs. */
  silent: Array<{ node: string; why: string }>;
}

/** A registry that credentials are kept of. */
export interface RegistryRow {
  host: string;
  user: string;
  changed: string;
}
