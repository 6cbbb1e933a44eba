/** `essaim machine export` and `import`: servers are handed to a colleague, with the certificates that open them. */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { readPassphrase, writeBackup } from '../../daemon/backup/files.ts';
import {
  type ArchiveHeader,
  type ArchiveKind,
  openArchive,
  readHeader,
  sealArchive,
} from '../../identity/archive.ts';
import { type Machine, MachineError, type SshTarget } from '../../machine/driver.ts';
import {
  checkName,
  findMachine,
  getMachine,
  listMachines,
  machineDirectory,
} from '../../machine/registry.ts';
import { resolveTarget } from '../../machine/ssh/connection.ts';
import { parseTarget } from '../../machine/ssh/target.ts';
import { askSecret } from '../prompt.ts';

const MACHINES: ArchiveKind = { magic: 'essaim machines', noun: 'file of machines', format: 1 };
const FILES = ['ca.pem', 'cert.pem', 'key.pem', 'server.pem', 'server-key.pem', 'known_hosts'];

interface Header extends ArchiveHeader {
  readonly created: string;
  /** Who made it. */
  readonly by: string;
  readonly machines: readonly string[];
}

/** One line of the contents. */
interface Shared {
  readonly machine: Machine;
  readonly files: Readonly<Record<string, string>>;
}

export interface ExportFlags {
  readonly passphraseFile?: string;
}

export interface ImportFlags extends ExportFlags {
  readonly sshUser?: string;
  readonly sshKey?: string;
}

/** Writes machines to a file: those named, or all servers. */
export async function exportMachines(file: string, names: string[], flags: ExportFlags): Promise<void> {
  const all = names.length > 0 ? await Promise.all(names.map(getMachine)) : await listMachines();
  const machines = names.length > 0 ? all : all.filter(({ driver }) => driver === 'ssh');
  const here = machines.find(({ driver }) => driver !== 'ssh');
  if (here) throw new MachineError(`Machine "${here.name}" lives on this system: it cannot be handed on.`);
  const half = machines.find(({ phase }) => phase !== 'ready');
  if (half) throw new MachineError(`Machine "${half.name}" was not finished: create it again first.`);
  if (machines.length === 0) throw new MachineError('There is no server to be handed on.');
  const passphrase = flags.passphraseFile ? passphraseIn(flags.passphraseFile) : await newPassphrase();
  const header: Header = {
    created: new Date().toISOString(),
    by: `${userInfo().username}@${hostname()}`,
    machines: machines.map(({ name }) => name),
    secret: 'passphrase',
  };
  const lines = await Promise.all(machines.map(async (m) => `${JSON.stringify(await shared(m))}\n`));
  await writeBackup(file, sealArchive(MACHINES, header, passphrase, lines)).catch((error: Error) => {
    throw new MachineError(`Nothing was written: ${error.message}`);
  });
  process.stdout.write(
    `${file} has ${header.machines.join(', ')}: whoever has it and the passphrase is root there by Docker's API.\n`,
  );
}

async function shared(machine: Machine): Promise<Shared> {
  const files = await Promise.all(
    FILES.map(async (name) => [name, await readFile(join(machine.directory, name), 'utf8')] as const),
  );
  return { machine, files: Object.fromEntries(files) };
}

/** Takes machines out of a file; all of them, or none. */
export async function importMachines(file: string, flags: ImportFlags): Promise<void> {
  const archive = told(() => readFileSync(file));
  const { by } = told(() => readHeader<Header>(MACHINES, archive));
  const passphrase = flags.passphraseFile
    ? passphraseIn(flags.passphraseFile)
    : await askSecret('Passphrase of the file: ').catch((error: Error) => {
        throw new MachineError(`The passphrase is wanted (${error.message}): give --passphrase-file.`);
      });
  const { text } = await openArchive<Header>(MACHINES, archive, passphrase).catch((error: Error) => {
    throw new MachineError(error.message);
  });
  const all = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Shared);
  for (const { machine } of all) {
    checkName(machine.name);
    if (await findMachine(machine.name))
      throw new MachineError(`Machine "${machine.name}" already exists; nothing was imported.`);
  }
  // Before anything is written.
  const targets = await Promise.all(all.map(({ machine }) => targetOf(machine, flags)));
  for (const [i, each] of all.entries()) await take(each, targets[i]!);
  process.stdout.write(`imported from ${by}: ${all.map(({ machine }) => machine.name).join(', ')}\n`);
}

/** How the colleague reaches it. @throws MachineError */
async function targetOf({ ssh }: Machine, { sshUser, sshKey }: ImportFlags): Promise<SshTarget> {
  const { host, user, port } = ssh!;
  // The key of who exported it stays with them.
  const given = { user: sshUser ?? user, port: String(port), key: sshKey };
  return resolveTarget(parseTarget(host.includes(':') ? `[${host}]` : host, given));
}

/** The record comes last: without it there is no machine. */
async function take({ machine, files }: Shared, ssh: SshTarget): Promise<void> {
  const directory = machineDirectory(machine.name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const name of FILES) {
    const mode = name.endsWith('key.pem') ? 0o600 : 0o644;
    await writeFile(join(directory, name), files[name] ?? '', { mode });
  }
  const path = join(directory, 'machine.json');
  await writeFile(`${path}.new`, `${JSON.stringify({ ...machine, directory, ssh }, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

async function newPassphrase(): Promise<string> {
  const ask = (question: string): Promise<string> =>
    askSecret(question).catch((error: Error) => {
      throw new MachineError(`A passphrase is wanted (${error.message}): give --passphrase-file.`);
    });
  const passphrase = await ask('Passphrase for the file: ');
  if (passphrase === '' || passphrase !== (await ask('Once more: ')))
    throw new MachineError('The two are not the same, or empty; nothing was written.');
  return passphrase;
}

const passphraseIn = (file: string): string => told(() => readPassphrase(file));

/** What goes wrong with files is the user's to put right. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new MachineError((error as Error).message);
  }
}
