import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';

// Set by bin/essaim for this process alone.
delete process.env.NODE_COMPILE_CACHE;

/** The command line: what a subcommand needs is loaded when it runs, so that each starts fast. */
async function main(): Promise<void> {
  const subcommand = process.argv[2];
  if (subcommand === 'daemon') {
    const { runDaemon } = await import('../daemon/main.ts');
    // A daemon may be killed before it could do so at its end.
    flushCompileCache();
    await runDaemon(process.argv.slice(3));
    return;
  }
  if (subcommand === 'swarm') {
    const { runSwarm } = await import('./swarm/main.ts');
    await runSwarm(process.argv.slice(3));
    return;
  }
  if (subcommand === 'discovery') {
    const { runDiscovery } = await import('./discovery.ts');
    await runDiscovery(process.argv.slice(3));
    return;
  }
  const { Command } = await import('commander');
  const program = new Command('essaim')
    .description('A container orchestrator that is a drop-in for Docker Swarm on ordinary Docker Engines.')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for the options)');
  if (subcommand === '--version' || subcommand === '-v') {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    process.stdout.write(`essaim version ${(JSON.parse(text) as { version: string }).version}\n`);
    return;
  }
  program.option('-v, --version', 'show the version');
  program.command('daemon').description('run the Essaim daemon of this host').helpOption(false);
  program
    .command('swarm')
    .description('many engines as one: create, list, join and manage, as classic Swarm had them')
    .helpOption(false);
  program
    .command('discovery')
    .description('serve tokens by which hosts find their manager')
    .helpOption(false);
  if (subcommand === 'machine') {
    const { machineCommand } = await import('./machine.ts');
    program.addCommand(machineCommand());
  } else {
    program.command('machine').description('make and run hosts');
  }
  if (subcommand === 'network') {
    const { networkCommand } = await import('./network.ts');
    program.addCommand(networkCommand());
  } else {
    program.command('network').description('look after the networks of the swarm');
  }
  if (subcommand === 'ui' || subcommand === 'user' || subcommand === 'token') {
    const { tokenCommand, uiCommand, userCommand } = await import('./access.ts');
    for (const command of [uiCommand(), userCommand(), tokenCommand()]) program.addCommand(command);
  } else {
    program.command('ui').description("print the web interface's address and the code for the first visit");
    program.command('user').description('accounts of the web interface and of API tokens');
    program.command('token').description('API tokens of an account');
  }
  if (subcommand === 'backup' || subcommand === 'node') {
    const { backupCommand, nodeCommand } = await import('./backup.ts');
    program.addCommand(subcommand === 'backup' ? backupCommand() : nodeCommand());
  }
  if (subcommand !== 'backup')
    program.command('backup').description('back up the state of the swarm, and restore it');
  if (subcommand !== 'node')
    program.command('node').description('look after this host as a node of its swarm');
  await program.parseAsync();
}

main().catch((error: unknown) => {
  const known = error instanceof Error && ['MachineError', 'UsageError', 'FlagError'].includes(error.name);
  process.stderr.write(
    `${known || !(error instanceof Error) ? String((error as Error).message ?? error) : error.stack}\n`,
  );
  process.exitCode = 1;
});
