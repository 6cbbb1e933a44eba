/** Network namespaces by name: whether there is one, whether somebody is in it, and their end. */
import { stat } from 'node:fs/promises';
import { TUNNEL, UPLINK } from '../names.ts';
import { runScript } from './shell.ts';
import { leaveNamespace } from './shells.ts';

/** Whether there is a namespace of that name: the file of one that is gone is on another file system. */
export async function namespaceExists(namespace: string): Promise<boolean> {
  try {
    const [file, folder] = await Promise.all([stat(`/run/netns/${namespace}`), stat('/run/netns')]);
    return file.dev !== folder.dev;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Whether a container is plugged in there. */
export async function hasPorts(namespace: string): Promise<boolean> {
  const links = await runScript(`ip -n ${namespace} -o link show type veth\n`);
  return links.split('\n').some((line) => /^\d+: v/.test(line));
}

/** Removes a namespace; the tunnel goes first, so that its number is free at once. */
export async function destroyNamespace(namespace: string): Promise<void> {
  const inside = `ip -n ${namespace} link delete ${TUNNEL} 2>/dev/null || true\n`;
  const uplink = `ip -n ${namespace} link delete ${UPLINK} 2>/dev/null || true\n`;
  await runScript(`${inside}${uplink}ip netns delete ${namespace}\n`);
  await leaveNamespace(namespace);
}
