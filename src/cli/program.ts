/** The command tree. What a subcommand needs is loaded when it runs, so that each starts fast. */
import { Command } from 'commander';

/** Groups of commands of one file, by the first word that is typed. */
const GROUPS: readonly { words: Readonly<Record<string, string>>; load: () => Promise<Command[]> }[] = [
  {
    words: { up: 'make one swarm of servers that you have' },
    load: async () => [(await import('./up.ts')).upCommand()],
  },
  {
    words: { machine: 'make and run hosts' },
    load: async () => [(await import('./machine/main.ts')).machineCommand()],
  },
  {
    words: { network: 'look after the networks of the swarm' },
    load: async () => [(await import('./network.ts')).networkCommand()],
  },
  {
    words: {
      ui: "print the web interface's address and the code for the first visit",
      user: 'accounts of the web interface and of API tokens',
      token: 'API tokens of an account',
    },
    load: async () => {
      const { tokenCommand, uiCommand, userCommand } = await import('./access.ts');
      return [uiCommand(), userCommand(), tokenCommand()];
    },
  },
  {
    words: {
      backup: 'back up the state of the swarm, and restore it',
      node: 'look after this host as a node of its swarm',
    },
    load: async () => {
      const { backupCommand, nodeCommand } = await import('./backup.ts');
      return [backupCommand(), nodeCommand()];
    },
  },
];

/** Commands that read their options themselves. */
const OTHERS = {
  daemon: 'run the Essaim daemon of this host',
  swarm: 'many engines as one: create, list, join and manage, as classic Swarm had them',
  discovery: 'serve tokens by which hosts find their manager',
};

/** The whole of it, with the commands of one word at least; of all words when 'all' is asked for. */
export async function programFor(word: string | undefined): Promise<Command> {
  const program = new Command('essaim')
    .description('A container orchestrator that is a drop-in for Docker Swarm on ordinary Docker Engines.')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for the options)')
    .option('-v, --version', 'show the version');
  for (const [name, description] of Object.entries(OTHERS))
    program.command(name).description(description).helpOption(false);
  for (const { words, load } of GROUPS) {
    if (word === 'all' || (word !== undefined && Object.hasOwn(words, word))) {
      for (const command of await load()) program.addCommand(command);
    } else {
      for (const [name, description] of Object.entries(words)) program.command(name).description(description);
    }
  }
  return program;
}
