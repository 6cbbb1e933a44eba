/** The command tree as data, for what is generated from it. */
import type { Command } from 'commander';
import { programFor } from '../src/cli/program.ts';
import { COMMANDS } from '../src/cli/swarm/commands.ts';
import { USAGE } from '../src/daemon/options.ts';

export interface Entry {
  readonly name: string;
  readonly description: string;
  /** What stands after the options. */
  readonly usage: string;
  readonly options: readonly { readonly flags: string; readonly names: readonly string[]; readonly description: string }[];
  readonly children: readonly Entry[];
}

/** All of `essaim`. */
export async function commandTree(): Promise<Entry> {
  const tree = entryOf(await programFor('all'));
  const children = tree.children.map((child) => {
    if (child.name === 'daemon') return { ...child, options: daemonOptions() };
    return child.name === 'swarm' ? { ...child, children: swarmCommands() } : child;
  });
  return { ...tree, children };
}

function entryOf(command: Command): Entry {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    usage: command.usage(),
    options: help.visibleOptions(command).map(({ flags, description, long, short }) => ({
      flags,
      names: [short, long].filter((each) => each !== undefined && each !== null),
      description,
    })),
    children: help
      .visibleCommands(command)
      .filter((each) => each.name() !== 'help')
      .map(entryOf),
  };
}

/** Its usage is its own text: two columns, the second one may go on below. */
function daemonOptions(): Entry['options'] {
  const text = USAGE.slice(USAGE.indexOf('Options:')).replace(/\n {8,}/g, ' ');
  return [...text.matchAll(/^ {2}((?:-\w, )?(--[a-z-]+)(?: [^ ]+)?) +(.*)$/gm)].map(
    ([, flags, name, description]) => ({ flags: flags!, names: [name!], description: description! }),
  );
}

function swarmCommands(): Entry[] {
  return COMMANDS.map(({ names, usage, argument, flags }) => ({
    name: names[0],
    description: usage,
    usage: argument.split(' ')[0]!,
    options: flags
      .filter(({ hidden }) => !hidden)
      .map((flag) => ({
        flags: flag.names.map((each) => (each.length > 1 ? `--${each}` : `-${each}`)).join(', '),
        names: flag.names.map((each) => (each.length > 1 ? `--${each}` : `-${each}`)),
        description: flag.usage,
      })),
    children: [],
  }));
}
