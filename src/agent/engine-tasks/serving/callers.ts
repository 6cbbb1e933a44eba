/**
 * Who is still being served by a container that is to stop. It is in no balancer any more then, so that no new callers
 * come; those that there are may be in the middle of a request, and not every server finishes what it has begun.
 */
import type { Clock } from '../../../model/clock.ts';
import { isAt, LISTEN, portOf, type TcpSocket, tcpSockets } from './sockets.ts';

/** Milliseconds between two looks. */
const LOOK_EVERY = 50;
/** So long (ms) without a caller having left: those that are there stay connected for its own sake. */
const PATIENCE = 1_000;
/** No stop waits for longer (ms). */
const LIMIT = 5_000;

/** States of a socket that owes its caller nothing: SYN_SENT, FIN_WAIT2, TIME_WAIT, CLOSE, LISTEN. */
const DONE = new Set(['02', '05', '06', '07', LISTEN]);
/** Those that a caller waits in whom the server has not accepted: ESTABLISHED, SYN_RECV, CLOSE_WAIT. */
const CALLING = new Set(['01', '03', '08']);

export interface CallersOptions {
  /** Of a process in the container's network namespace. */
  pid: number;
  /** Its addresses that callers were led to, without prefix length. */
  addresses: readonly string[];
  clock: Clock;
}

export interface Callers {
  /** Both ends of each connection. */
  connections: Set<string>;
  /** Some of them wait to be accepted: the server has not even begun with them, and they are cut off when it ends. */
  waiting: boolean;
}

/**
 * Resolves when there is no caller any more, when all were accepted and none has left for a while, or at the latest after
 * five seconds.
 */
export async function callersGone({ pid, addresses, clock }: CallersOptions): Promise<void> {
  const started = clock.now();
  let before = new Set<string>();
  let progress = started;
  for (;;) {
    const { connections, waiting } = callersIn((await tcpSockets(pid)) ?? [], addresses);
    const now = clock.now();
    if (waiting || [...before].some((caller) => !connections.has(caller))) progress = now;
    if (connections.size === 0 || now - progress >= PATIENCE || now - started >= LIMIT) return;
    before = connections;
    await new Promise<void>((resolve) => clock.timer(LOOK_EVERY, resolve));
  }
}

/** The connections that somebody has made to one of the addresses and that are not over. */
export function callersIn(sockets: readonly TcpSocket[], addresses: readonly string[]): Callers {
  const served = new Set(sockets.filter(({ state }) => state === LISTEN).map(({ local }) => portOf(local)));
  const calling = sockets
    .filter(({ local, state }) => !DONE.has(state) && served.has(portOf(local)))
    .filter(({ local }) => addresses.some((address) => isAt(local, address)));
  return {
    connections: new Set(calling.map(({ local, remote }) => `${local} ${remote}`)),
    waiting: calling.some(({ state, isNobodys }) => isNobodys && CALLING.has(state)),
  };
}
