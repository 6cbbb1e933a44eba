/** `essaim backup …`: the swarm's state as a file, and a swarm from it. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { headerOf, listBackups, readPassphrase, writeBackup } from '../daemon/backup/files.ts';
import { DEFAULT_BACKUP_FOLDER } from '../daemon/options.ts';
import { ask, askFor, UsageError } from './daemon-api.ts';
import { askSecret } from './prompt.ts';
import { table } from './table.ts';

interface CreateOptions {
  passphraseFile?: string;
}

interface RestoreOptions extends CreateOptions {
  advertiseAddr?: string;
  listenAddr?: string;
  dataPathAddr?: string;
}

export function backupCommand(): Command {
  const passphrase = ['--passphrase-file <file>', 'the passphrase is the first line of this file'] as const;
  const backup = new Command('backup').description('back up the state of the swarm, and restore it');
  backup
    .command('create <file>')
    .description('write a backup; on a manager')
    .option(...passphrase)
    .action(create);
  backup
    .command('ls [folder]')
    .description(`list the backups in a folder (default ${DEFAULT_BACKUP_FOLDER})`)
    .action(list);
  backup
    .command('restore <file>')
    .description('take up a swarm from its backup, as its only manager; on a host that is in no swarm')
    .option(...passphrase)
    .option('--advertise-addr <address>', 'as for "docker swarm init"')
    .option('--listen-addr <address>', 'as for "docker swarm init"')
    .option('--data-path-addr <address>', 'as for "docker swarm init"')
    .action(restore);
  return backup;
}

export function nodeCommand(): Command {
  const node = new Command('node').description('look after this host as a node of its swarm');
  node
    .command('follow <address...>')
    .description(
      'look for the managers of this worker at these addresses (host:port), after a restore elsewhere',
    )
    .action(async (addresses: string[]) => {
      const Managers = addresses.map((each) => (/:\d+$/.test(each) ? each : `${each}:2377`));
      await ask('POST', '/essaim/node/follow', { Managers });
    });
  return node;
}

async function create(file: string, { passphraseFile }: CreateOptions): Promise<void> {
  const made = (Passphrase: string | undefined) =>
    askFor('POST', '/essaim/backup/create', [JSON.stringify({ Passphrase })]);
  let parts: AsyncIterable<Buffer>;
  try {
    parts = await made(passphraseFile && passphraseIn(passphraseFile));
  } catch (error) {
    if (!(error instanceof UsageError) || error.status !== 400 || !process.stdin.isTTY) throw error;
    const passphrase = await askSecret('Passphrase for the backup: ');
    if (passphrase === '' || passphrase !== (await askSecret('Once more: ')))
      throw new UsageError('the two are not the same, or empty; nothing was written');
    parts = await made(passphrase);
  }
  await writeBackup(file, parts);
}

function list(folder = DEFAULT_BACKUP_FOLDER): void {
  const rows = told(() => listBackups(folder)).map(({ path, bytes, header }) => [
    path,
    header.created.replace(/\..*$/, 'Z'),
    header.cluster,
    header.host,
    String(header.objects.node ?? 0),
    String(header.objects.service ?? 0),
    `${Math.ceil(bytes / 1024)} kB`,
    header.secret,
  ]);
  const head = ['FILE', 'CREATED', 'SWARM', 'MADE BY', 'NODES', 'SERVICES', 'SIZE', 'OPENED BY'];
  process.stdout.write(table(head, rows));
}

async function restore(file: string, options: RestoreOptions): Promise<void> {
  const archive = told(() => readFileSync(file));
  const { secret } = told(() => headerOf(archive));
  const Secret = options.passphraseFile
    ? passphraseIn(options.passphraseFile)
    : await askSecret(
        secret === 'passphrase' ? 'Passphrase of the backup: ' : 'Unlock key of the swarm: ',
      ).catch((error: Error) => {
        throw new UsageError(
          `the ${secret} of the backup is wanted (${error.message}): give --passphrase-file`,
        );
      });
  const request = {
    AdvertiseAddr: options.advertiseAddr,
    ListenAddr: options.listenAddr,
    DataPathAddr: options.dataPathAddr,
    Secret,
  };
  const answer = await askFor('POST', '/essaim/backup/restore', [`${JSON.stringify(request)}\n`, archive]);
  const nodeId = (await answer.toArray()).join('').trim().slice(1, -1);
  process.stdout.write(
    `Swarm restored: current node (${nodeId}) is now its manager.

Workers that know another address of the manager take this one as theirs by

    essaim node follow ADDRESS

on each of them. Managers of before are no part of the swarm any more.
`,
  );
}

const passphraseIn = (file: string): string => told(() => readPassphrase(file));

/** What goes wrong with files is the user's to put right. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
