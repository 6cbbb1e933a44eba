/** Sockets of this process in the namespaces of containers. */
import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';
import { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { runInSandbox } from '../kernel/sandbox.ts';
import { runScript } from '../kernel/shell.ts';
import { PATH } from '../kernel/shells.ts';
import { enginePort, leadRules, TABLE } from './rules.ts';

const PROGRAM = fileURLToPath(new URL('open-sockets.ts', import.meta.url));
/** The program takes a fifth of a second, on a host that has nothing else to do (ms). */
const PATIENCE = 20_000;

export type SocketName = 'udp' | 'tcp' | 'engine';

/** What a container that came late is answered with, in its namespace. */
export interface Sockets {
  address: string;
  /** Where it is answered. */
  udp: Socket;
  tcp: Server;
  ports: { udp: number; tcp: number };
  /** What its engine's resolver is asked with. */
  engine: Socket;
}

/** Opens them; nobody is led there yet. @throws if that cannot be done in there */
export async function openSockets(sandbox: string): Promise<Sockets> {
  const argv = [`--net=${sandbox}`, process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM];
  const child = spawn('nsenter', argv, {
    env: { PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  const ports: Partial<Record<SocketName, number>> = {};
  const found: { udp?: Socket; tcp?: Server; engine?: Socket } = {};
  let address = '';
  child.on('message', (message, handle) => {
    const told = message as { socket: SocketName; address: string; port: number };
    address = told.address;
    ports[told.socket] = told.port;
    if (told.socket === 'tcp') {
      if (handle instanceof Server) found.tcp = handle;
    } else if (handle instanceof Socket) found[told.socket] = handle;
  });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(0, 1000);
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  const { udp, tcp, engine } = found;
  if (udp && tcp && engine) return { address, udp, tcp, engine, ports: { udp: ports.udp!, tcp: ports.tcp! } };
  for (const socket of [udp, tcp, engine]) socket?.close();
  throw new Error(`no sockets can be opened in ${sandbox}: ${errors.trim()}`);
}

/** From now on what the container asks its engine's resolver comes to these sockets. @throws CommandError */
export async function lead(sandbox: string, sockets: Pick<Sockets, 'address' | 'ports'>): Promise<void> {
  await runInSandbox(sandbox, leadRules(sockets));
}

/** The container asks its engine's resolver itself again. Nothing where it is gone. */
export async function leave(sandbox: string): Promise<void> {
  await runScript(`nsenter --net=${sandbox} nft delete table ip ${TABLE} 2>/dev/null || true\n`);
}

/** The port of the engine's resolver in the container's namespace; undefined if there is none, at present. */
export async function findEnginePort(sandbox: string): Promise<number | undefined> {
  return enginePort(await runScript(`nsenter --net=${sandbox} cat /proc/net/udp 2>/dev/null || true\n`));
}
