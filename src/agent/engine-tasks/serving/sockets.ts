/** The TCP sockets of a container, as the kernel tells of them: nothing has to run in it for that. */
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { parseAddress } from '../../../model/cidr.ts';

export interface TcpSocket {
  /** Address and port, in hexadecimal digits, as the kernel prints them. */
  local: string;
  remote: string;
  state: string;
  /** No process has it: it was not accepted yet, or is closed. */
  isNobodys: boolean;
}

export const LISTEN = '0A';

/** Those of the network namespace of a process; undefined when the process is gone. */
export async function tcpSockets(pid: number): Promise<TcpSocket[] | undefined> {
  const [v4, v6] = await Promise.all(['tcp', 'tcp6'].map((name) => read(`/proc/${pid}/net/${name}`)));
  // A kernel may be without IPv6.
  return v4 === undefined ? undefined : readSockets(v4 + (v6 ?? ''));
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return undefined;
    throw error;
  }
}

/** Reads what is in `/proc/net/tcp` and `tcp6`. */
export function readSockets(tables: string): TcpSocket[] {
  return tables.split('\n').flatMap((line) => {
    const [number, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
    if (!number?.endsWith(':') || !inode) return [];
    return [{ local: local!, remote: remote!, state: state!, isNobodys: inode === '0' }];
  });
}

export function portOf(end: string): number {
  return Number.parseInt(end.split(':')[1]!, 16);
}

/** Whether it is at that address. Of a socket for both versions, an IPv4 address is printed at the end of one of IPv6. */
export function isAt(end: string, address: string): boolean {
  return end.split(':')[0]!.endsWith(asPrinted(address));
}

/** By words of 32 bits, each as this machine has its bytes. */
function asPrinted(address: string): string {
  const { version, value } = parseAddress(address)!;
  const text = value
    .toString(16)
    .padStart(version === 4 ? 8 : 32, '0')
    .toUpperCase();
  if (endianness() === 'BE') return text;
  return text.replaceAll(/(..)(..)(..)(..)/g, '$4$3$2$1');
}
