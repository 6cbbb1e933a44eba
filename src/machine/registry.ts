import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Machine, MachineError } from './driver.ts';

/** Directory under which all machines of this user lie. Root's are the system's: lab hosts need that. */
export function essaimHome(): string {
  const usual = process.getuid?.() === 0 ? '/var/lib/essaim' : join(homedir(), '.essaim');
  return resolve(process.env.ESSAIM_HOME || usual);
}

export function machineDirectory(name: string): string {
  return join(essaimHome(), 'machines', name);
}

/** Throws unless the name can be a host name, which is what it becomes. */
export function checkName(name: string): void {
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,46}[a-zA-Z0-9])?$/.test(name)) {
    throw new MachineError(
      `Invalid machine name "${name}": use up to 48 letters, digits, "-" and ".", with a letter or digit at both ends.`,
    );
  }
}

/** The machine, or undefined when there is none of that name. */
export async function findMachine(name: string): Promise<Machine | undefined> {
  checkName(name);
  const path = join(machineDirectory(name), 'machine.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'EACCES')
      throw new MachineError(`${path} is not readable: run essaim machine as root.`);
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Machine;
  } catch {
    throw new MachineError(
      `${path} is damaged. Remove ${machineDirectory(name)} and create the machine again.`,
    );
  }
}

/** The machine; throws when there is none of that name. */
export async function getMachine(name: string): Promise<Machine> {
  const machine = await findMachine(name);
  if (machine) return machine;
  throw new MachineError(
    `Machine "${name}" does not exist. Use "essaim machine ls" to list machines. Use "essaim machine create" to add a new one.`,
  );
}

/** All machines, by name in the order that people count (node2 before node10). */
export async function listMachines(): Promise<Machine[]> {
  const names = await readdir(join(essaimHome(), 'machines')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(names.map((name) => findMachine(name)));
  return found
    .filter((machine) => machine !== undefined)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** Writes the record so that a reader sees the old one or the new one, whole. */
export async function saveMachine(machine: Machine): Promise<void> {
  await mkdir(machine.directory, { recursive: true, mode: 0o755 });
  const path = join(machine.directory, 'machine.json');
  await writeFile(`${path}.new`, `${JSON.stringify(machine, null, 2)}\n`, { flush: true });
  await rename(`${path}.new`, path);
}

/** Removes the record last, so that an interrupted removal can be taken up again. */
export async function deleteMachine(machine: Machine): Promise<void> {
  const entries = await readdir(machine.directory);
  for (const entry of entries.filter((e) => e !== 'machine.json')) {
    await rm(join(machine.directory, entry), { recursive: true, force: true });
  }
  await rm(machine.directory, { recursive: true, force: true });
  // The last one takes the folders around it along; they are not empty while there are others.
  for (const parent of [join(essaimHome(), 'machines'), essaimHome()])
    await rmdir(parent).catch(() => undefined);
}
