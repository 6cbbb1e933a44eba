/** `essaim network …`: what Docker has no command for. */
import { Command } from 'commander';
import type { ClusterCheck, HostCheck } from '../model/network-check.ts';
import { ask, UsageError } from './daemon-api.ts';
import { table } from './table.ts';

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
  const answer = await ask<ClusterCheck>('GET', '/essaim/networks/check');
  process.stdout.write(format === 'json' ? `${JSON.stringify(answer, null, 4)}\n` : checkText(answer));
  if (!isWell(answer)) process.exitCode = 1;
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
