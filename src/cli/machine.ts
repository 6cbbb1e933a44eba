import { dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { type Driver, type Machine, MachineError } from '../machine/driver.ts';
import { driverNamed, driverOf } from '../machine/drivers.ts';
import { checkName, getMachine, listMachines } from '../machine/registry.ts';
import { describeMachine, environment, listing } from './machine-output.ts';

/** `essaim machine …`: what docker-machine was, for hosts that run Essaim. */
export function machineCommand(): Command {
  const machine = new Command('machine').description('make and run hosts').enablePositionalOptions();
  machine
    .command('create')
    .description('make hosts and start them')
    .argument('<name...>')
    .option('-d, --driver <driver>', 'how the hosts are made', 'lab')
    .option('--dns <address>', 'nameserver that the hosts and their engines ask (none if not given)')
    .option('--engine-path <folder>', "folder with the hosts' Docker Engine (the system's own if not given)")
    .option(
      '--engine-opt <key=value>',
      'flag for the engine, without its dashes; may be repeated',
      engineOption,
    )
    .option(
      '--daemon-opt <key=value>',
      "option for Essaim's daemon, without its dashes; may be repeated",
      daemonOption,
    )
    .action(create);
  machine
    .command('ls')
    .description('list the hosts')
    .option('-q, --quiet', 'names only')
    .option('-f, --format <template>', 'e.g. "{{.Name}} {{.State}}"')
    .action(async (options: { quiet?: boolean; format?: string }) => {
      process.stdout.write(await listing(await listMachines(), options));
    });
  machine
    .command('ip')
    .description('print addresses of hosts')
    .argument('<name...>')
    .action(async (names: string[]) => {
      for (const name of names) process.stdout.write(`${(await getMachine(name)).address}\n`);
    });
  machine
    .command('env')
    .description('print what points the docker CLI at a host, for eval')
    .argument('[name]')
    .option('-u, --unset', 'print what undoes it')
    .option('--cluster', "point it at the host's swarm as one engine; the host has to be a manager")
    .addOption(new Option('--swarm', 'the same').hideHelp())
    .action(env);
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
    .command('inspect')
    .description('print all that is known about hosts, as JSON')
    .argument('<name...>')
    .action(async (names: string[]) => {
      const described = await Promise.all(names.map(async (name) => describeMachine(await getMachine(name))));
      process.stdout.write(`${JSON.stringify(names.length === 1 ? described[0] : described, null, 4)}\n`);
    });
  const each: readonly [string, string, (driver: Driver, machine: Machine) => Promise<void>][] = [
    ['start', 'start hosts, or what of them does not run', (driver, m) => driver.start(m)],
    ['stop', 'shut hosts down in order; their data stay', (driver, m) => driver.stop(m)],
    ['kill', 'take the power of hosts away', (driver, m) => driver.kill(m)],
  ];
  for (const [verb, description, work] of each) {
    machine
      .command(verb)
      .description(description)
      .argument('<name...>')
      .action((names: string[]) => forEach(names, async (m) => work(driverOf(m), m)));
  }
  machine
    .command('rm')
    .description('remove hosts and their data')
    .argument('<name...>')
    .option('-f, --force', 'also when they are running')
    .action(remove);
  machine
    .command('load')
    .description('put an image on hosts: a tar file, or an image of the engine that docker talks to here')
    .argument('<names and image...>')
    .usage('<name...> <image.tar | image>')
    .action(load);
  machine
    .command('link')
    .description('cut hosts off the network, or connect them again; what runs on them keeps running')
    .argument('<names and state...>')
    .usage('<name...> <up | down>')
    .action(link);
  return machine;
}

interface CreateFlags {
  readonly driver: string;
  readonly dns?: string;
  readonly enginePath?: string;
  readonly engineOpt?: readonly string[];
  readonly daemonOpt?: readonly string[];
}

/** Adds an option for the daemon to those that were given before it. */
function daemonOption(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[a-z0-9][a-z0-9-]*=/.test(text)) return [...before, text];
  throw new MachineError(
    `Invalid value "${text}" of --daemon-opt: give an option of "essaim daemon" and its value without dashes, for example "registry-host=tcp://0.0.0.0:8500".`,
  );
}

/** Adds a flag for the engine to those that were given before it. */
function engineOption(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[a-z0-9][a-z0-9-]*=/.test(text)) return [...before, text];
  throw new MachineError(
    `Invalid value "${text}" of --engine-opt: give a flag of dockerd and its value without dashes, for example "log-level=debug".`,
  );
}

async function create(names: string[], options: CreateFlags): Promise<void> {
  const driver = driverNamed(options.driver);
  for (const name of names) checkName(name);
  const progress = (text: string): void => void process.stdout.write(`${text}\n`);
  await allOf(names, async (name) => {
    const { address } = await driver.create(name, {
      dns: options.dns,
      // A host remembers it, wherever the next command is given.
      enginePath: options.enginePath === undefined ? undefined : resolve(options.enginePath),
      engineOptions: options.engineOpt,
      daemonOptions: options.daemonOpt,
      progress,
    });
    progress(
      `${name} is running at ${address}; docker talks to it after: eval "$(essaim machine env ${name})"`,
    );
  });
}

interface EnvFlags {
  readonly unset?: boolean;
  readonly cluster?: boolean;
  /** As docker-machine spelt it. */
  readonly swarm?: boolean;
}

async function env(name: string | undefined, options: EnvFlags): Promise<void> {
  if (options.unset) {
    process.stdout.write(environment(undefined));
    return;
  }
  if (!name) throw new MachineError('Error: Expected one machine name');
  const machine = await getMachine(name);
  const driver = driverOf(machine);
  const { state } = await driver.status(machine);
  if (state === 'Stopped') {
    throw new MachineError(
      `Machine "${name}" is not running. Use "essaim machine start ${name}" to start it.`,
    );
  }
  const { essaim } = driver.endpoints(machine);
  const cluster = options.cluster || options.swarm;
  const socket = cluster ? join(dirname(essaim), 'cluster.sock') : essaim;
  process.stdout.write(environment({ name, socket, cluster }));
}

/** One word is a command line for the host's shell, as with ssh; several are a program and its arguments, verbatim. */
async function ssh(name: string, words: string[]): Promise<void> {
  const machine = await getMachine(name);
  const argv = words.length === 1 ? ['sh', '-c', words[0]!] : words;
  const { file, args, env } = await driverOf(machine).command(machine, argv);
  // Nothing stands between the user's terminal and the program on the host.
  process.execve!(file, [...args], { ...env });
}

async function remove(names: string[], options: { force?: boolean }): Promise<void> {
  await forEach(names, async (machine) => {
    const driver = driverOf(machine);
    const { state } = await driver.status(machine);
    if (state !== 'Stopped' && machine.phase === 'ready' && !options.force) {
      throw new MachineError(`Machine "${machine.name}" is running: stop it first, or remove it with -f.`);
    }
    await driver.remove(machine);
    process.stdout.write(`${machine.name}\n`);
  });
}

async function load(words: string[]): Promise<void> {
  const [names, image] = lastApart(words, 'an image');
  const { withImageFile } = await import('../machine/images.ts');
  const { loadImages } = await import('../machine/engine-api.ts');
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
  await forEach(names, (machine) => driverOf(machine).link(machine, state === 'up'));
}

/** Machines' names, then one word of another kind. */
function lastApart(words: readonly string[], kind: string): [string[], string] {
  if (words.length < 2) throw new MachineError(`Name one machine or more, then ${kind}.`);
  return [words.slice(0, -1), words.at(-1)!];
}

/** Does something with several machines at once. */
async function forEach(names: readonly string[], work: (machine: Machine) => Promise<void>): Promise<void> {
  const machines = await Promise.all(names.map(getMachine));
  await allOf(machines, work);
}

/** Lets all finish, then throws with the words of those that failed. */
async function allOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(items.map(work));
  const reasons = outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason as unknown] : []));
  const unexpected = reasons.find((reason) => !(reason instanceof MachineError));
  if (unexpected) throw unexpected;
  if (reasons.length > 0)
    throw new MachineError([...new Set(reasons.map((r) => (r as Error).message))].join('\n'));
}
