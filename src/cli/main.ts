import { flushCompileCache } from 'node:module';
import packageJson from '../../package.json' with { type: 'json' };

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
  if (subcommand === '--version' || subcommand === '-v') {
    process.stdout.write(`essaim version ${packageJson.version}\n`);
    return;
  }
  if (process.env.ESSAIM_AS === 'docker-machine') {
    const { translate } = await import('./machine/shim.ts');
    const { argv, home, notes } = translate(process.argv.slice(3), process.env);
    for (const note of notes) process.stderr.write(`${note}\n`);
    if (home !== undefined) process.env.ESSAIM_HOME = home;
    if (argv[0] === 'version') {
      process.stdout.write(`docker-machine version 0.16.2 (essaim version ${packageJson.version})\n`);
      return;
    }
    process.argv.splice(3, Infinity, ...argv);
  }
  const { programFor } = await import('./program.ts');
  const program = await programFor(subcommand);
  await program.parseAsync();
}

main().catch((error: unknown) => {
  const known =
    error instanceof Error &&
    // The last: what this system refuses, a full disk for example.
    (['MachineError', 'UsageError', 'FlagError', 'DiscoveryError'].includes(error.name) ||
      'syscall' in error);
  process.stderr.write(
    `${known || !(error instanceof Error) ? String((error as Error).message ?? error) : error.stack}\n`,
  );
  process.exitCode = 1;
});
