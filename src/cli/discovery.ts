/** `essaim discovery`: a token service for `swarm create`, `join` and `manage token://…`. */
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { listen, listenUnix } from '../api/listen.ts';
import { Tokens, tokenServer } from '../discovery/token-service.ts';
import { systemClock } from '../model/clock.ts';
import { parseFlags } from './swarm/flags.ts';
import { listening } from './swarm/manage.ts';

const FLAGS = [
  {
    names: ['host', 'H'],
    kind: 'list',
    default: ['tcp://0.0.0.0:4243'],
    usage: 'address to listen on',
  },
  { names: ['help', 'h'], kind: 'bool', usage: 'show help' },
] as const;

const USAGE = `Usage: essaim discovery [--host tcp://ADDRESS:PORT]

Serves tokens by which hosts and managers of "swarm join" and "swarm manage" find each other. They are kept in memory: hosts
say where they are at each heartbeat. Whoever knows a token can add hosts to its cluster.

Options:
  -H, --host tcp://A:P   address to listen on (default tcp://0.0.0.0:4243); may be given several times
`;

/** Runs until SIGTERM or SIGINT. @throws FlagError, or why it cannot serve */
export async function runDiscovery(argv: readonly string[]): Promise<void> {
  const { values } = parseFlags(FLAGS, argv);
  if (values.bool('help')) {
    process.stdout.write(USAGE);
    return;
  }
  const tokens = new Tokens(systemClock);
  const servers: Server[] = [];
  for (const host of values.list('host')) {
    const { tcp, unix } = listening(host);
    const server = tokenServer(tokens);
    servers.push(server);
    if (tcp) await listen(server, tcp);
    if (unix) {
      await mkdir(dirname(unix), { recursive: true });
      await listenUnix(server, unix);
    }
    process.stdout.write(`serving tokens on ${host}\n`);
  }
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
}
