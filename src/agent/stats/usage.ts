/** What processes have used, as the kernel counts it: read from its files, at no cost to the engine. */
import { readFile, readlink } from 'node:fs/promises';
import type { Usage } from './series.ts';

const GROUPS = '/sys/fs/cgroup';

/** Where it is counted. */
export interface Counters {
  version: 1 | 2;
  /** Folders; version 2 has one for all. */
  cpu: string;
  memory: string;
  io: string;
  /** Of the container's network; absent if it has the host's. */
  network: string | undefined;
}

/** Of the container whose first process that is. Rejects if the process is gone. */
export async function countersOf(pid: number): Promise<Counters> {
  const [groups, own, hosts] = await Promise.all([
    readFile(`/proc/${pid}/cgroup`, 'utf8'),
    readlink(`/proc/${pid}/ns/net`),
    readlink('/proc/self/ns/net'),
  ]);
  return { ...foldersOf(groups), network: own === hosts ? undefined : `/proc/${pid}/net/dev` };
}

/** From the text of /proc/PID/cgroup. */
export function foldersOf(groups: string): Omit<Counters, 'network'> {
  const paths = new Map<string, string>();
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path!);
  }
  const memory = paths.get('memory');
  if (memory === undefined) {
    const folder = `${GROUPS}${paths.get('') ?? '/'}`;
    return { version: 2, cpu: folder, memory: folder, io: folder };
  }
  const folder = (controller: string): string => `${GROUPS}/${controller}${paths.get(controller) ?? memory}`;
  return { version: 1, cpu: folder('cpuacct'), memory: folder('memory'), io: folder('blkio') };
}

/** What is counted there now. Rejects if the container is gone. */
export async function usageAt({ version, cpu, memory, io, network }: Counters): Promise<Usage> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8');
  const [time, held, about, moved, net] = await Promise.all([
    text(version === 2 ? `${cpu}/cpu.stat` : `${cpu}/cpuacct.usage`),
    text(version === 2 ? `${memory}/memory.current` : `${memory}/memory.usage_in_bytes`),
    text(`${memory}/memory.stat`),
    // Not every kernel counts that.
    text(version === 2 ? `${io}/io.stat` : `${io}/blkio.throttle.io_service_bytes`).catch(() => ''),
    network === undefined ? '' : text(network),
  ]);
  const idle = number(about, version === 2 ? /^inactive_file (\d+)/m : /^total_inactive_file (\d+)/m);
  return {
    cpu: version === 2 ? number(time, /^usage_usec (\d+)/m) / 1e6 : Number(time) / 1e9,
    // As `docker stats`: what the kernel can give back at once does not count.
    memory: Math.max(0, Number(held) - idle),
    ...trafficIn(net),
    read: total(moved, version === 2 ? /\brbytes=(\d+)/g : /^\d+:\d+ Read (\d+)/gm),
    written: total(moved, version === 2 ? /\bwbytes=(\d+)/g : /^\d+:\d+ Write (\d+)/gm),
  };
}

/** What the whole host has used. */
export async function hostUsage(): Promise<Usage> {
  const [stat, memory] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
  ]);
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = (
    /^cpu +(.*)/.exec(stat)?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  const kilobytes = (name: string): number => number(memory, new RegExp(`^${name}: +(\\d+)`, 'm')) * 1_024;
  return {
    // Ticks of a hundredth of a second, on all of Linux.
    cpu: (user + nice + system + irq + soft + steal) / 100,
    memory: kilobytes('MemTotal') - kilobytes('MemAvailable'),
    ...{ received: 0, sent: 0, read: 0, written: 0 },
  };
}

/** From the text of /proc/PID/net/dev, without the loopback. */
export function trafficIn(text: string): { received: number; sent: number } {
  let [received, sent] = [0, 0];
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === 'lo') continue;
    const numbers = rest!.split(/\s+/).map(Number);
    received += numbers[0] ?? 0;
    sent += numbers[8] ?? 0;
  }
  return { received, sent };
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

function total(text: string, pattern: RegExp): number {
  let sum = 0;
  for (const [, count] of text.matchAll(pattern)) sum += Number(count);
  return sum;
}
