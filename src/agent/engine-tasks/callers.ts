/**
 * Who is still being served by a container that is to stop. It is in no balancer any more then, so that no new callers
 * come; those that there are may be in the middle of a request, and not every server finishes what it has begun.
 */
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { parseAddress } from '../../model/cidr.ts';
import type { Clock } from '../../model/clock.ts';

/** Milliseconds between two looks. */
const LOOK_EVERY = 50;
/** So long (ms) without a caller having left: those that are there stay connected for its own sake. */
const PATIENCE = 1_000;
/** No stop waits for longer (ms). */
const LIMIT = 5_000;

/** States of a socket that owes its caller nothing: SYN_SENT, FIN_WAIT2, TIME_WAIT, CLOSE, LISTEN. */
const DONE = new Set(['02', '05', '06', '07', '0A']);
const LISTEN = '0A';

export interface CallersOptions {
  /** Of a process in the container's network namespace. */
  pid: number;
  /** Its addresses that callers were led to, without prefix length. */
  addresses: readonly string[];
  clock: Clock;
}

/** Resolves when there is no caller any more, when none has left for a while, or at the latest after five seconds. */
export async function callersGone({ pid, addresses, clock }: CallersOptions): Promise<void> {
  const started = clock.now();
  let before = new Set<string>();
  let progress = started;
  for (;;) {
    const callers = callersIn(await sockets(pid), addresses);
    const now = clock.now();
    if ([...before].some((caller) => !callers.has(caller))) progress = now;
    if (callers.size === 0 || now - progress >= PATIENCE || now - started >= LIMIT) return;
    before = callers;
    await new Promise<void>((resolve) => clock.timer(LOOK_EVERY, resolve));
  }
}

/** The kernel's tables of TCP sockets; empty when the process is gone. */
async function sockets(pid: number): Promise<string> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) =>
      readFile(`/proc/${pid}/net/${name}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ESRCH' || error.code === 'EINVAL') return '';
        throw error;
      }),
    ),
  );
  return tables.join('');
}

/** Both ends of each connection that somebody has made to one of the addresses and that is not over. */
export function callersIn(tables: string, addresses: readonly string[]): Set<string> {
  const rows = tables.split('\n').flatMap((line) => {
    const [number, local, remote, state] = line.trim().split(/\s+/);
    return number?.endsWith(':') && state ? [{ local: local!, remote: remote!, state }] : [];
  });
  const portOf = (end: string): string => end.split(':')[1]!;
  const served = new Set(rows.filter(({ state }) => state === LISTEN).map(({ local }) => portOf(local)));
  const own = addresses.map(asPrinted);
  return new Set(
    rows
      .filter(({ local, state }) => !DONE.has(state) && served.has(portOf(local)))
      // Of a socket for both versions, an IPv4 address is printed at the end of one of IPv6.
      .filter(({ local }) => own.some((address) => local.split(':')[0]!.endsWith(address)))
      .map(({ local, remote }) => `${local} ${remote}`),
  );
}

/** As the kernel prints it: by words of 32 bits, each as this machine has its bytes. */
function asPrinted(address: string): string {
  const { version, value } = parseAddress(address)!;
  const text = value
    .toString(16)
    .padStart(version === 4 ? 8 : 32, '0')
    .toUpperCase();
  if (endianness() === 'BE') return text;
  return text.replaceAll(/(..)(..)(..)(..)/g, '$4$3$2$1');
}
