/** The members of etcd of several managers on this machine, each on a loopback address of its own. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoot, issueCertificate, type Root } from '../../src/identity/authority.ts';
import { unmount } from '../../src/identity/memory-folder.ts';
import { endAll, runningIn } from '../../src/manager/members/child.ts';
import { peerUrl, SOCKET } from '../../src/manager/members/flags.ts';
import { savePeer } from '../../src/manager/members/kept-peer.ts';
import { requestPeer } from '../../src/manager/members/peer-files.ts';
import { addLearner, promoteWhenReady } from '../../src/manager/peers/steps.ts';
import { PEER_PORT } from '../../src/manager/state/seat.ts';
import type { StateFolders } from '../../src/manager/state/state.ts';
import { EtcdClient } from '../../src/store/etcd/client.ts';
import { Child } from './child.ts';
import type { FollowerReport, FollowerStart } from './messages.ts';

const HOUR = 3_600_000;
const TIMEOUT = 10_000;

export type Follower = Child<FollowerStart, FollowerReport>;

/** @param folder of the manager */
export function foldersIn(folder: string): StateFolders {
  return {
    database: join(folder, 'cluster.db'),
    dataKey: join(folder, 'cluster.db.key'),
    etcd: join(folder, 'etcd'),
    peer: { live: join(folder, 'peer'), kept: join(folder, 'peer.json') },
  };
}

export class Members {
  readonly #directory: string;
  readonly #root: Root;
  readonly followers: Follower[] = [];

  private constructor(directory: string, root: Root) {
    this.#directory = directory;
    this.#root = root;
  }

  static async create(directory: string): Promise<Members> {
    return new Members(directory, await createRoot(Date.now()));
  }

  /** A place for a manager's member. */
  async place(name: string, number: number): Promise<{ folder: string; address: string }> {
    const folder = number === 1 ? this.#directory : join(this.#directory, name);
    const address = `127.${1 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${number}`;
    await mkdir(folder, { recursive: true });
    const { csr, key } = await requestPeer();
    const holder = { nodeId: name, role: 'manager', clusterId: 'bench', address } as const;
    const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + 24 * HOUR };
    const certificate = issueCertificate(this.#root, csr, { ...holder, ...validity });
    const { peer } = foldersIn(folder);
    await savePeer({ ...peer, fileKey: () => undefined }, { certificate, key, roots: this.#root.cert });
    return { folder, address };
  }

  /** Another manager, which follows the one whose folder is the first one. */
  async follow(number: number): Promise<void> {
    const name = `follower${number}`;
    const place = await this.place(name, number);
    const first = foldersIn(this.#directory);
    const client = new EtcdClient({ socket: join(first.etcd, SOCKET), timeout: TIMEOUT });
    try {
      const { member, members } = await addLearner(client, peerUrl(place.address, PEER_PORT));
      await copyFile(first.dataKey, foldersIn(place.folder).dataKey);
      const start = { ...place, name, memberId: member.ID, members };
      const follower: Follower = new Child('follower.ts', start);
      this.followers.push(follower);
      await follower.until((report) => report.type === 'started');
      await promoteWhenReady(client, member.ID);
      await follower.until((report) => report.type === 'ready');
    } finally {
      client.close();
    }
  }

  /** Megabytes of each member's process. */
  async memory(): Promise<number[]> {
    const found = await Promise.all(this.#folders().map(({ etcd }) => runningIn(etcd)));
    return Promise.all(
      found.flat().map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
      }),
    );
  }

  async end(): Promise<void> {
    for (const follower of this.followers) await follower.end();
    for (const { etcd, peer } of this.#folders()) {
      await endAll(etcd);
      await unmount(peer.live);
    }
  }

  #folders(): StateFolders[] {
    const others = this.followers.map((_, at) => join(this.#directory, `follower${at + 2}`));
    return [this.#directory, ...others].map(foldersIn);
  }
}
