/** What the machine commands have in common. */
import { forUser, type Machine, MachineError, type Progress } from '../../machine/driver.ts';
import { getMachine } from '../../machine/registry.ts';

/** What the user typed to get here: scripts and people type what they are told. */
export function commandName(): string {
  return isShim() ? 'docker-machine' : 'essaim machine';
}

/** Whether the command is to answer as docker-machine did. */
export function isShim(): boolean {
  return process.env.ESSAIM_AS === 'docker-machine';
}

/** Tells what happens with one of several machines. */
export function teller(name: string): Progress {
  return (text) => void process.stdout.write(`${name}: ${text.replace(`${name}: `, '')}\n`);
}

/** Does something with several machines at once. */
export async function forEach(
  names: readonly string[],
  work: (machine: Machine) => Promise<void>,
): Promise<void> {
  const machines = await Promise.all(names.map(getMachine));
  await allOf(machines, work);
}

/** Lets all finish, then throws with the words of those that failed. */
export async function allOf<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(items.map(async (item, i) => work(item, i)));
  const reasons = outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason as unknown] : []));
  const unexpected = reasons.find((reason) => !forUser(reason));
  if (unexpected) throw unexpected;
  if (reasons.length > 0)
    throw new MachineError([...new Set(reasons.map((reason) => forUser(reason)!.message))].join('\n'));
}

/** Machines' names, then one word of another kind. */
export function lastApart(words: readonly string[], kind: string): [string[], string] {
  if (words.length < 2) throw new MachineError(`Name one machine or more, then ${kind}.`);
  return [words.slice(0, -1), words.at(-1)!];
}
