/** The dispatcher's edge: what it asks of the network and of the event loop. */
import { connect } from 'node:net';
import { uptime } from 'node:os';
import { CLUSTER_PORT } from '../../model/protocol.ts';

/** What a kernel says that answers for the host itself. "Host unreachable" is said by others, in its place. */
const ANSWERS = new Set(['ECONNREFUSED', 'ECONNRESET']);

/**
 * Whether a host lives: something answers a TCP connection to its cluster port, be it with a refusal. False after
 * `timeout` (ms) of silence. Never rejects.
 */
export function probeHost(addr: string, timeout = 2000, port = CLUSTER_PORT): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: addr, port });
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(timeout, () => settle(false));
    socket.on('connect', () => settle(true));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(ANSWERS.has(error.code ?? '')));
  });
}

/** Where power has come back to all hosts, not all are up at the same moment (s). */
const BOOT = 300;

/** Whether this host has been booted so lately that others of its site may still be about to. */
export function bootedJustNow(): boolean {
  return uptime() < BOOT;
}

/** Calls `fn` once the event loop has taken in what had arrived by now: first polled, then passed through TLS. */
export function afterInput(fn: () => void): void {
  setImmediate(() => setImmediate(fn));
}
