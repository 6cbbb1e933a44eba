/** `essaim network …`: what Docker has no command for. */
import { get } from 'node:http';
import { Command } from 'commander';
import type { ClusterCheck, HostCheck } from '../model/network-check.ts';
import { table } from './table.ts';

const DEFAULT_SOCKET = '/run/essaim/docker.sock';
/** Hosts are waited for a few seconds each, many at a time (ms). */
const PATIENCE = 120_000;

export function networkCommand(): Command {
  const network = new Command('network').description('look after the networks of the swarm');
  network
    .command('check')
    .description(
      'compare the networks of each host with what the manager wants; exit status 1 if anything differs',
    )
    .option('--format <format>', '"table" or "json"', 'table')
    .action(check);
  return network;
}

async function check({ format }: { format: string }): Promise<void> {
  if (format !== 'table' && format !== 'json')
    throw new UsageError(`--format takes table or json, not ${format}`);
  const answer = await ask(socketPath(process.env.DOCKER_HOST));
  process.stdout.write(format === 'json' ? `${JSON.stringify(answer, null, 4)}\n` : checkText(answer));
  if (!isWell(answer)) process.exitCode = 1;
}

/** As with the docker CLI: where DOCKER_HOST says, else this host's daemon. */
export function socketPath(dockerHost: string | undefined): string {
  if (!dockerHost) return DEFAULT_SOCKET;
  if (dockerHost.startsWith('unix://')) return dockerHost.slice('unix://'.length);
  throw new UsageError(
    `DOCKER_HOST is ${dockerHost}: only unix:// sockets of a manager's daemon can be asked`,
  );
}

export function isWell({ hosts }: ClusterCheck): boolean {
  return hosts.every(({ differences, error }) => differences.length === 0 && error === undefined);
}

export function checkText({ revision, hosts }: ClusterCheck): string {
  const rows = hosts.map((each) => [
    each.host,
    verdict(each),
    String(each.networks),
    each.revision === undefined ? '-' : String(each.revision),
    each.mended === undefined ? '-' : String(each.mended),
  ]);
  const lines = hosts.flatMap(({ host, differences, error }) =>
    [...differences, ...(error === undefined ? [] : [error])].map((message) => `${host}: ${message}\n`),
  );
  const details = lines.length > 0 ? `\n${lines.join('')}` : '';
  return `${table(['HOST', 'STATE', 'NETWORKS', 'REVISION', 'MENDED'], rows)}\nstore at revision ${revision}\n${details}`;
}

function verdict({ differences, error }: HostCheck): string {
  if (error !== undefined) return 'no answer';
  if (differences.length === 0) return 'as wanted';
  return differences.length === 1 ? '1 difference' : `${differences.length} differences`;
}

function ask(socket: string): Promise<ClusterCheck> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new UsageError(`cannot ask the Essaim daemon at ${socket}: ${error.message}`));
    const options = { socketPath: socket, path: '/essaim/networks/check', timeout: PATIENCE };
    const request = get(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', fail);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        try {
          const answer = JSON.parse(text) as ClusterCheck & { message?: string };
          if (response.statusCode === 200) resolve(answer);
          else reject(new UsageError(answer.message ?? text));
        } catch {
          reject(new UsageError(`what answers at ${socket} is not an Essaim daemon`));
        }
      });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', fail);
  });
}

/** What the user can put right: said without a stack. */
class UsageError extends Error {
  override name = 'UsageError';
}
