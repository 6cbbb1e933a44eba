/** The dispatcher's edge: what it asks of the network and of the event loop. */
import { connect } from 'node:net';
import { uptime } from 'node:os';
import { CLUSTER_PORT } from '../../model/protocol.ts';

/** unsent: this host could not ask, so nothing is known of the other one. */
export type ProbeOutcome = 'answered' | 'silent' | 'unsent';

/** What a kernel says that answers for the host itself. "Host unreachable" is said by others, in its place. */
const ANSWERS = new Set(['ECONNREFUSED', 'ECONNRESET']);
/** What this host's own kernel says before it has sent anything: no descriptor, memory or port, no network, not allowed. */
const UNSENT = new Set([
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN', 'EADDRNOTAVAIL'],
  ...['ENETDOWN', 'ENETUNREACH', 'EPERM', 'EACCES'],
]);

/**
 * Whether a host lives: something answers a TCP connection to its cluster port, be it with a refusal. Its kernel does that,
 * whatever its daemon is doing. Silent after `timeout` (ms) without an answer. Never rejects.
 */
export function probeHost(addr: string, timeout = 2000, port = CLUSTER_PORT): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: addr, port });
    const settle = (outcome: ProbeOutcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(timeout, () => settle('silent'));
    socket.on('connect', () => settle('answered'));
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (ANSWERS.has(code)) settle('answered');
      else settle(UNSENT.has(code) ? 'unsent' : 'silent');
    });
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
