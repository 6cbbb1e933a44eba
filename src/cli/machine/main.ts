import { isatty } from 'node:tty';
import { Command, Option } from 'commander';
import { apiOver, type Driver, type Machine, MachineError, type Progress } from '../../machine/driver.ts';
import { driverOf } from '../../machine/drivers.ts';
import { endpointUrl } from '../../machine/engine-api.ts';
import { getMachine, listMachines } from '../../machine/registry.ts';
import { createCommand } from './create.ts';
import { config, env } from './env.ts';
import { activity, describeMachine, fillDeep, type ListFlags, listing } from './output.ts';
import type { RemoveFlags } from './remove.ts';
import type { ExportFlags, ImportFlags } from './share.ts';
import { forEach, lastApart, teller } from './shared.ts';

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** `essaim machine …`: what docker-machine was, for hosts that run Essaim. */
export function machineCommand(): Command {
  const machine = new Command('machine').description('make and run hosts').enablePositionalOptions();
  machine.addCommand(createCommand());
  machine
    .command('ls')
    .description('list the hosts')
    .option('-q, --quiet', 'names only')
    .option('-f, --format <template>', 'e.g. "{{.Name}} {{.State}}"')
    .option(
      '--filter <key=value>',
      'only those: driver, label, name, state, swarm; may be repeated',
      collect,
      [],
    )
    .option('-t, --timeout <seconds>', 'how long a host may take to answer', '10')
    .action(async (flags: ListFlags) => {
      const { text, isLate } = await listing(await listMachines(), flags);
      // Nobody waits for what comes too late.
      process.stdout.write(text, () => isLate && process.exit());
    });
  addQuestions(machine);
  machine
    .command('ssh')
    .description('run a command on a host; a shell without one')
    .argument('<name>')
    .argument('[command...]')
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(ssh);
  machine
    .command('scp')
    .description('copy files between here and hosts, or between hosts: NAME:PATH is on a host')
    .argument('<from>')
    .argument('<to>')
    .option('-r, --recursive', 'a folder with all that is in it')
    .addOption(new Option('-d, --delta', 'all is sent, which comes to the same').hideHelp())
    .addOption(new Option('-q, --quiet', 'nothing is said, as ever').hideHelp())
    .action(async (from: string, to: string, options: { recursive?: boolean }) => {
      const { copy } = await import('./copy.ts');
      await copy(from, to, options.recursive ?? false);
    });
  addWork(machine);
  machine
    .command('rm')
    .description('remove hosts and their data; from a server of your own Essaim goes, its engine stays')
    .argument('<name...>')
    .option('-f, --force', 'forget also those that cannot be removed; says yes as -y does')
    .option('-y', 'without being asked')
    .action(async (names: string[], flags: RemoveFlags) => {
      const { remove } = await import('./remove.ts');
      await remove(names, flags);
    });
  addSharing(machine);
  machine
    .command('load')
    .description('put an image on hosts: a tar file, or an image of the engine that docker talks to here')
    .argument('<names and image...>')
    .usage('<name...> <image.tar | image>')
    .action(load);
  machine
    .command('link')
    .description('cut lab hosts off the network, or connect them again; what runs on them keeps running')
    .argument('<names and state...>')
    .usage('<name...> <up | down>')
    .action(link);
  machine
    .command('mount', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action(() => {
      throw new MachineError(
        '"mount" is not there: sshfs does it by itself, "sshfs USER@HOST:FOLDER FOLDER"; "scp -r" copies a folder.',
      );
    });
  return machine;
}

/** What hands machines on. */
function addSharing(machine: Command): void {
  const passphrase = ['--passphrase-file <file>', 'the passphrase is the first line of this file'] as const;
  machine
    .command('export')
    .description('write servers with their certificates to an encrypted file, for a colleague')
    .argument('<file>')
    .argument('[name...]', 'all servers if none is named')
    .option(...passphrase)
    .action(async (file: string, names: string[], flags: ExportFlags) => {
      const { exportMachines } = await import('./share.ts');
      await exportMachines(file, names, flags);
    });
  machine
    .command('import')
    .description('take servers out of such a file')
    .argument('<file>')
    .option(...passphrase)
    .option('--ssh-user <user>', 'who you log in as, if not as who wrote it')
    .option('--ssh-key <file>', "your private key (the agent's and the usual ones if not given)")
    .action(async (file: string, flags: ImportFlags) => {
      const { importMachines } = await import('./share.ts');
      await importMachines(file, flags);
    });
}

/** What is only asked. */
function addQuestions(machine: Command): void {
  const ask = (verb: string, description: string, answer: (m: Machine) => Promise<string> | string): void => {
    machine
      .command(verb)
      .description(description)
      .argument('<name...>')
      .action(async (names: string[]) => {
        for (const name of names) process.stdout.write(`${await answer(await getMachine(name))}\n`);
      });
  };
  ask('ip', 'print addresses of hosts', ({ address }) => address);
  ask('url', 'print the URLs of their APIs', (m) => endpointUrl(apiOver(m)));
  ask('status', 'print whether they run', async (m) => (await driverOf(m).status(m)).state);
  machine
    .command('active')
    .description('print which host docker talks to now')
    .addOption(new Option('-t, --timeout <seconds>', 'no host is asked').hideHelp())
    .action(async () => {
      const found = (await listMachines()).find((m) => activity(m) !== '-');
      if (!found) throw new MachineError('No active host found');
      process.stdout.write(`${found.name}\n`);
    });
  machine
    .command('env')
    .description('print what points the docker CLI at a host, for eval')
    .argument('[name]')
    .option('-u, --unset', 'print what undoes it')
    .option('--cluster', "point it at the host's swarm as one engine; the host has to be a manager")
    .option('--tcp', "a lab host's address with TLS too, not its socket here")
    .option('--shell <name>', 'sh, fish or powershell (sh, or fish where that is your shell)')
    .option('--no-proxy', 'the host is not to be reached by a proxy')
    .addOption(new Option('--swarm', 'the same as --cluster').hideHelp())
    .action(env);
  machine
    .command('config')
    .description('print options of docker by which it talks to a host')
    .argument('<name>')
    .option('--swarm', 'to its swarm as one engine')
    .action(config);
  machine
    .command('inspect')
    .description('print all that is known about hosts, as JSON')
    .argument('<name...>')
    .option('-f, --format <template>', 'e.g. "{{.Driver.IPAddress}}", "{{json .HostOptions}}"')
    .action(async (names: string[], { format }: { format?: string }) => {
      const all = await Promise.all(names.map(async (name) => describeMachine(await getMachine(name))));
      const text =
        format === undefined
          ? JSON.stringify(all.length === 1 ? all[0] : all, null, 4)
          : all.map((each) => fillDeep(format, each)).join('\n');
      process.stdout.write(`${text}\n`);
    });
}

type Work = (driver: Driver, machine: Machine, progress: Progress) => Promise<void> | void;

/** What is done to several hosts at once. */
function addWork(machine: Command): void {
  const add = (verb: string, description: string, work: Work): void => {
    machine
      .command(verb)
      .description(description)
      .argument('<name...>')
      .action((names: string[]) =>
        forEach(names, async (m) => {
          await work(driverOf(m), m, teller(m.name));
        }),
      );
  };
  add('start', 'start hosts, or what of them does not run', (driver, m) => driver.start(m));
  add(
    'stop',
    'shut hosts down in order; their data stay. Of a server of your own: Essaim with its tasks',
    (driver, m) => driver.stop(m),
  );
  add('restart', 'stop and start hosts', async (driver, m) => {
    await driver.stop(m);
    await driver.start(m);
  });
  add('kill', 'take the power of lab hosts away', (driver, m) => driver.kill(m));
  add('provision', 'bring hosts to what they were created as: repairs, renews', (driver, m, progress) =>
    driver.provision(m, progress),
  );
  add('upgrade', 'have hosts run the Essaim of this command; containers go on', (driver, m, progress) =>
    driver.upgrade(m, progress),
  );
  machine
    .command('regenerate-certs')
    .description('give the APIs of hosts new certificates')
    .argument('<name...>')
    .option('-f, --force', 'without being asked, as it always is')
    .option('--client-certs', 'you get a new one too; the authority stays')
    .action(async (names: string[], { clientCerts }: { clientCerts?: boolean }) => {
      await Promise.all(names.map(getMachine));
      if (clientCerts) {
        const { renewUserCertificate } = await import('../../machine/certificates.ts');
        await renewUserCertificate();
      }
      await forEach(names, (m) => driverOf(m).renewCertificate(m, teller(m.name)));
    });
}

/** One word is a command line for the host's shell, as with ssh; several are a program and its arguments, verbatim. */
async function ssh(name: string, words: string[]): Promise<void> {
  const machine = await getMachine(name);
  const argv = words.length === 1 ? ['sh', '-c', words[0]!] : words;
  // Not by process.stdin: a pipe that it has looked at does not block any more, and the program's first read would fail.
  const terminal = isatty(0) && isatty(1);
  const { file, args, env: environment } = await driverOf(machine).command(machine, argv, terminal);
  // Nothing stands between the user's terminal and the program on the host.
  process.execve!(file, [...args], { ...environment });
}

async function load(words: string[]): Promise<void> {
  const [names, image] = lastApart(words, 'an image');
  const { withImageFile } = await import('../../machine/images.ts');
  const { loadImages } = await import('../../machine/engine-api.ts');
  await withImageFile(image, (path) =>
    forEach(names, async (machine) => {
      const loaded = await loadImages(driverOf(machine).endpoints(machine).engine, path);
      process.stdout.write(`${machine.name}: loaded ${loaded.join(', ')}\n`);
    }),
  );
}

async function link(words: string[]): Promise<void> {
  const [names, state] = lastApart(words, '"up" or "down"');
  if (state !== 'up' && state !== 'down')
    throw new MachineError(`The last argument is "up" or "down", not "${state}".`);
  await forEach(names, async (machine) => {
    await driverOf(machine).link(machine, state === 'up');
  });
}
