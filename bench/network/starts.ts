/**
 * What the data plane does while many containers start on a network with a published port, without hosts and engines: it
 * runs in namespaces of its own, and its plugin is called as the engine calls it. How long it takes, what it uses of the
 * processors with its tools, and for how long it answers nobody.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('starts-program.ts', import.meta.url));
const INSIDE = `mount --make-rprivate /
mkdir -p /run/netns
mount -t tmpfs netns /run/netns
mount -t sysfs sysfs /sys
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 192.0.2.1/24 dev eth0
ip link set eth0 up
exec "$0" "$@"`;

export async function measureStarts(): Promise<void> {
  const folder = await mkdtemp('/var/tmp/essaim-starts-');
  try {
    const args = ['--mount', '--net', 'sh', '-e', '-c', INSIDE, process.execPath, PROGRAM, folder];
    const { stdout } = await promisify(execFile)('unshare', args);
    console.log(stdout.trimEnd());
  } finally {
    await rm(folder, { recursive: true });
  }
}
