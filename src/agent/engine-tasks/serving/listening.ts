/**
 * Whether a container that has been started answers at its published ports. From when it counts as running, clients of the
 * whole cluster are led to it; its program may need a moment until it listens, and longer on a host that has much to do.
 */
import type { Clock } from '../../../model/clock.ts';
import type { Task } from '../../../model/objects.ts';
import { isAt, LISTEN, portOf, type TcpSocket, tcpSockets } from './sockets.ts';

/** Milliseconds between two looks. */
const LOOK_EVERY = 20;
/** No start waits for longer (ms): not everything that is published is served, and what takes longer has a health check. */
const LIMIT = 2_000;

export interface ListeningOptions {
  /** Of a process in the container's network namespace. */
  pid: number;
  ports: readonly number[];
  clock: Clock;
  /** Ends it early. */
  signal: AbortSignal;
}

/** Resolves when something listens at each port, when the process is gone, or at the latest after two seconds. */
export async function listening({ pid, ports, clock, signal }: ListeningOptions): Promise<void> {
  const until = clock.now() + LIMIT;
  while (ports.length > 0 && !signal.aborted) {
    const sockets = await tcpSockets(pid);
    if (!sockets || listensAt(sockets, ports) || clock.now() >= until) return;
    await new Promise<void>((resolve) => clock.timer(LOOK_EVERY, resolve));
  }
}

/** The TCP ports that a task's container is called at through published ones. */
export function publishedTargets({ internal }: Task): number[] {
  const tcp = (internal.endpoint?.Ports ?? []).filter(({ Protocol }) => (Protocol || 'tcp') === 'tcp');
  return [...new Set(tcp.flatMap(({ TargetPort }) => TargetPort || []))];
}

/** Whether each port is listened at where others can call it. */
export function listensAt(sockets: readonly TcpSocket[], ports: readonly number[]): boolean {
  const listeners = sockets.filter(({ state, local }) => state === LISTEN && !isLoopback(local));
  return ports.every((port) => listeners.some(({ local }) => portOf(local) === port));
}

function isLoopback(end: string): boolean {
  return isAt(end, '127.0.0.1') || isAt(end, '::1');
}
