/** Hosts on one machine: a namespace of the network, and a disk in memory, for each of them. */
import { execFile } from 'node:child_process';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Of this run: others may be under way. */
const BRIDGE = `esf${process.pid}`;
const DISK = '1500M';
const FOLDER = `/var/tmp/${BRIDGE}`;

export interface Place {
  name: string;
  address: string;
  /** Where its disk is. */
  folder: string;
}

export type Cut = 'both' | 'in' | 'out' | { peer: Place };

const space = ({ name }: Place): string => `${BRIDGE}-${name}`;

/** What runs a program on that host. */
export const on = (place: Place): string[] => ['ip', 'netns', 'exec', space(place)];

export function places(count: number): Place[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `m${i + 1}`,
    address: `10.213.77.${i + 1}`,
    folder: join(FOLDER, `m${i + 1}`),
  }));
}

export async function build(hosts: readonly Place[]): Promise<void> {
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
  for (const host of hosts) {
    const link = `${BRIDGE}${host.name}`;
    await run('ip', ['netns', 'add', space(host)]);
    await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space(host)]);
    await run('ip', ['link', 'set', link, 'master', BRIDGE, 'up']);
    const ip = ['-n', space(host)];
    await run('ip', [...ip, 'addr', 'add', `${host.address}/24`, 'dev', 'eth0']);
    for (const device of ['lo', 'eth0']) await run('ip', [...ip, 'link', 'set', device, 'up']);
    await mkdir(host.folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=0700`, 'tmpfs', host.folder]);
  }
}

/** Removes what there is of it. */
export async function demolish(hosts: readonly Place[]): Promise<void> {
  for (const host of hosts) {
    const { stdout } = await run('ip', ['netns', 'pids', space(host)]).catch(() => ({ stdout: '' }));
    for (const pid of stdout.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    // A namespace that was deleted goes later, and its end of the link with it.
    await run('ip', ['link', 'del', `${BRIDGE}${host.name}`]).catch(() => {});
    await run('ip', ['netns', 'del', space(host)]).catch(() => {});
    await run('umount', ['-l', host.folder]).catch(() => {});
  }
  await run('ip', ['link', 'del', BRIDGE]).catch(() => {});
  await rm(FOLDER, { recursive: true, force: true });
}

/** What goes that way does not arrive, and nobody is told. */
export async function cut(host: Place, way: Cut): Promise<void> {
  const drop = (chain: string, what: string): string =>
    `add chain inet cut ${chain} { type filter hook ${chain} priority 0; }; add rule inet cut ${chain} ${what} drop;`;
  const all = 'iifname "eth0"';
  const rules = [
    ...(way === 'both' || way === 'in' ? [drop('input', all)] : []),
    ...(way === 'both' || way === 'out' ? [drop('output', 'oifname "eth0"')] : []),
    ...(typeof way === 'object'
      ? [drop('input', `ip saddr ${way.peer.address}`), drop('output', `ip daddr ${way.peer.address}`)]
      : []),
  ];
  await run('ip', ['netns', 'exec', space(host), 'nft', `add table inet cut; ${rules.join(' ')}`]);
}

export async function mend(host: Place): Promise<void> {
  await run('ip', ['netns', 'exec', space(host), 'nft', 'add table inet cut; delete table inet cut']);
}

const filling = ({ folder }: Place): string => join(folder, 'filling');

/** No byte more can be written there. */
export async function fill(host: Place): Promise<void> {
  const full = writeFile(filling(host), zeros());
  await full.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC') throw error;
  });
}

export async function empty(host: Place): Promise<void> {
  await truncate(filling(host), 0).catch(() => {});
  await rm(filling(host), { force: true });
}

function* zeros(): Generator<Buffer> {
  const block = Buffer.alloc(1024 * 1024);
  for (;;) yield block;
}
