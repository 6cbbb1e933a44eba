/** `essaim machine rm`: asks, removes and says so as docker-machine did. */
import { createInterface } from 'node:readline';
import { MachineError } from '../../machine/driver.ts';
import { driverOf } from '../../machine/drivers.ts';
import { findMachine, getMachine } from '../../machine/registry.ts';
import { allOf, teller } from './shared.ts';

export interface RemoveFlags {
  readonly force?: boolean;
  readonly y?: boolean;
}

/** Removes machines, whatever state they are in. One that cannot be removed keeps none of the others. */
export async function remove(
  names: readonly string[],
  { force = false, y = false }: RemoveFlags,
): Promise<void> {
  const known = await Promise.all(names.map(async (name) => findMachine(name).catch(() => undefined)));
  const servers = known.filter((machine) => machine?.driver === 'ssh').map((machine) => machine!.name);
  const lines = [
    `About to remove ${names.join(', ')}`,
    'WARNING: This action will delete both local reference and remote instance.',
    ...(servers.length > 0
      ? [`Of ${servers.join(', ')} only Essaim goes, with its tasks: Docker Engine and your containers stay.`]
      : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (!y && !force && !(await isSure())) return;
  await allOf(names, async (name) => {
    try {
      const machine = await getMachine(name);
      await driverOf(machine).remove(machine, force, teller(name));
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      const failure = new MachineError(`Error removing host "${name}": ${error.message}`);
      // Also where another command has just removed it.
      if (!force || (await findMachine(name))) throw failure;
      process.stderr.write(`${failure.message}\n`);
      return;
    }
    process.stdout.write(`Successfully removed ${name}\n`);
  });
}

/** @throws MachineError if nobody answers: a script would go on as if they were gone */
async function isSure(): Promise<boolean> {
  process.stdout.write('Are you sure? (y/n): ');
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return /^y/i.test(line);
  } finally {
    lines.close();
  }
  throw new MachineError('Nobody has answered, and nothing was removed: -y says yes.');
}
