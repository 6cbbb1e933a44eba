/** `essaim machine scp`: files go as a tar stream, whatever the driver. */
import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { MachineError } from '../../machine/driver.ts';
import { driverOf } from '../../machine/drivers.ts';
import { findMachine, getMachine } from '../../machine/registry.ts';
import { quote } from '../../machine/ssh/connection.ts';
import { afterGreeting, BEGIN } from '../../machine/ssh/greeting.ts';

interface Place {
  /** undefined: here. */
  readonly machine?: string;
  readonly path: string;
}

/** @throws MachineError */
export async function copy(from: string, to: string, recursive: boolean): Promise<void> {
  const [source, target] = await Promise.all([placeOf(from), placeOf(to)]);
  if (source.machine === undefined && target.machine === undefined)
    throw new MachineError('Neither is on a host: write NAME:PATH for a path there.');
  const folder = await isFolder(source);
  if (folder === undefined) throw new MachineError(`There is no ${from}.`);
  if (folder && !recursive) throw new MachineError(`${from} is a folder: give -r to copy it.`);
  // As with cp: into a folder that is there, else under the new name.
  const into = await isFolder(target);
  const [toFolder, name] =
    into === true || target.path.endsWith('/')
      ? [target.path || '.', basename(source.path)]
      : [dirname(target.path), basename(target.path)];
  if (!into && !(await isFolder({ ...target, path: toFolder })))
    throw new MachineError(`There is no folder ${toFolder} to put ${name} into.`);
  const rename = `s,^${literally(basename(source.path))},${name.replace(/[\\,&]/g, '\\$&')},`;
  const pack = [
    'tar',
    '-C',
    dirname(source.path),
    '--transform',
    rename,
    '-cf',
    '-',
    '--',
    basename(source.path),
  ];
  const unpack = ['tar', '-C', toFolder, '--no-same-owner', '-xf', '-'];
  const reader = await started(target.machine, unpack, 'pipe');
  const writer = await started(source.machine, pack, 'ignore');
  const sent = pipeline(
    source.machine === undefined ? writer.stdout! : afterGreeting(writer.stdout!),
    reader.stdin!,
  );
  // What breaks it off is told by one of the two.
  const [packed, unpacked] = await Promise.all([ended(writer), ended(reader), sent.catch(() => undefined)]);
  // Where one fails the other one fails for that: both are told.
  const problems = [unpacked, packed].filter((problem) => problem !== '');
  if (problems.length > 0) throw new MachineError(`The copy has failed: ${problems.join('\n')}`);
}

function literally(text: string): string {
  return text.replace(/[.*[\]^$\\,]/g, '\\$&');
}

/** `NAME:PATH` is on a host, if there is one of that name. */
async function placeOf(text: string): Promise<Place> {
  const [, name, path] = /^([^/:]+):(.*)$/.exec(text) ?? [];
  if (name === undefined) return { path: resolve(text) + (text.endsWith('/') ? '/' : '') };
  const machine = await getMachine(name);
  return { machine: machine.name, path: path! };
}

/** undefined: there is nothing. */
async function isFolder({ machine, path }: Place): Promise<boolean | undefined> {
  if (machine === undefined)
    return stat(path).then(
      (found) => found.isDirectory(),
      () => undefined,
    );
  if (path === '') return true;
  const child = await started(
    machine,
    [
      'sh',
      '-c',
      `if [ -d ${quote(path)} ]; then echo folder; elif [ -e ${quote(path)} ]; then echo file; fi`,
    ],
    'ignore',
  );
  const [said, problem] = await Promise.all([text(afterGreeting(child.stdout!)), ended(child)]);
  if (problem) throw new MachineError(problem);
  return said.trim() === '' ? undefined : said.trim() === 'folder';
}

/** A program here, or on a host, where it says {@link BEGIN} first. */
async function started(
  name: string | undefined,
  argv: readonly string[],
  stdin: 'pipe' | 'ignore',
): Promise<ChildProcess> {
  const stdio: ['pipe' | 'ignore', 'pipe', 'pipe'] = [stdin, 'pipe', 'pipe'];
  if (name === undefined) return spawn(argv[0]!, argv.slice(1), { stdio });
  const machine = (await findMachine(name))!;
  const line = `echo '${BEGIN}'; exec ${argv.map(quote).join(' ')}`;
  const { file, args, env } = await driverOf(machine).command(machine, ['sh', '-c', line]);
  return spawn(file, args.slice(1), { stdio, env: { ...env } });
}

/** What a program says against it; '' if it has succeeded. */
function ended(child: ChildProcess): Promise<string> {
  let words = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    words += chunk;
  });
  child.stdin?.on('error', () => undefined);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? '' : words.trim() || `exit code ${code}`));
  });
}
