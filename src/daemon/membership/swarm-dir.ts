/**
 * This host's membership on disk. DATA/swarm exists exactly while the host is in a swarm: it is made aside and renamed
 * into place, and renamed away before it is taken apart, so that a kill at any moment leaves the host either in or out.
 * DATA/swarm.leaving is there while the leave is not finished; DATA/swarm.making is to be removed by whoever finds it.
 *
 *   DATA/swarm/node.json     MembershipRecord
 *   DATA/swarm/identity/     the node's key, certificate and trusted roots (src/identity)
 *   DATA/swarm/cluster.db    the cluster's state, on its only manager (src/store)
 *   DATA/etcd                the cluster's state, on each of several managers (src/manager/members)
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface MembershipRecord {
  nodeId: string;
  role: 'worker' | 'manager';
  listenHost: string;
  listenPort: number;
  advertiseHost: string;
  advertisePort: number;
  /** The address that carries the traffic between containers, where it is another one. */
  dataPathHost?: string;
  /**
   * What these two addresses were taken from, and follow: the name of an interface, or '' for the only address that the
   * host had. Absent where the user gave an address.
   */
  advertiseFrom?: string;
  dataPathFrom?: string;
  /** The state is in etcd, of which this manager is a member; or it is about to become one. Absent: in cluster.db. */
  etcd?: 'joining' | 'member' | undefined;
  /** The revision of the last session with one of several managers. Absent: there has been none. */
  several?: number;
  /** Managers as last heard of, `host:port`. */
  managers: Array<{ NodeID: string; Addr: string }>;
}

/** In the daemon's folder. */
export const SWARM = 'swarm';

export class SwarmDir {
  readonly path: string;
  readonly #making: string;
  readonly #leaving: string;

  constructor(data: string) {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    this.path = join(data, SWARM);
    this.#making = join(data, 'swarm.making');
    this.#leaving = join(data, 'swarm.leaving');
  }

  /** The membership, or undefined if the host is in no swarm. Throws if the record cannot be read. */
  read(): MembershipRecord | undefined {
    if (!existsSync(this.path)) return undefined;
    return readRecord(this.path);
  }

  /** Replaces the record of a host that is in a swarm. */
  update(record: MembershipRecord): void {
    writeRecord(this.path, record);
  }

  /** An empty folder in which a membership is made; `enter` puts it into force. */
  make(): string {
    rmSync(this.#making, { recursive: true, force: true });
    mkdirSync(this.#making, { mode: 0o700 });
    return this.#making;
  }

  enter(record: MembershipRecord): void {
    writeRecord(this.#making, record);
    renameSync(this.#making, this.path);
    syncFolder(join(this.path, '..'));
  }

  /** Removes what `make` began and nobody will enter. */
  discard(): void {
    rmSync(this.#making, { recursive: true, force: true });
  }

  /** From here on the host is in no swarm. What it leaves behind is cleaned up by whoever calls `left` afterwards. */
  leave(): void {
    rmSync(this.#leaving, { recursive: true, force: true });
    renameSync(this.path, this.#leaving);
    syncFolder(join(this.path, '..'));
  }

  /** The record of a swarm that this host has left without having finished to clean up. */
  unfinishedLeave(): MembershipRecord | undefined {
    if (!existsSync(this.#leaving)) return undefined;
    return readRecord(this.#leaving);
  }

  /** Forgets what was left. It is renamed first: half a folder would look like a leave that cannot be finished. */
  left(): void {
    this.discard();
    if (existsSync(this.#leaving)) renameSync(this.#leaving, this.#making);
    this.discard();
  }
}

function readRecord(folder: string): MembershipRecord {
  const file = join(folder, 'node.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as MembershipRecord;
  } catch (error) {
    throw new Error(
      `${file} cannot be read (${(error as Error).message}): restore it from a backup, or remove ${folder} to make this host forget its swarm`,
    );
  }
}

function writeRecord(folder: string, record: MembershipRecord): void {
  const file = join(folder, 'node.json');
  const fd = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeFileSync(fd, `${JSON.stringify(record, null, 2)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
  syncFolder(folder);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
