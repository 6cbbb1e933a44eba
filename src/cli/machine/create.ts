/** `essaim machine create`: what is asked for, read and checked before any host is touched. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { STRATEGIES } from '../../classic/rules/strategy.ts';
import { findDiscovery } from '../../discovery/parse.ts';
import {
  type CreateOptions,
  type EngineSettings,
  MachineError,
  type SshTarget,
  type SwarmSettings,
} from '../../machine/driver.ts';
import { driverNamed } from '../../machine/drivers.ts';
import { checkName } from '../../machine/registry.ts';
import { resolveTarget } from '../../machine/ssh/connection.ts';
import { parseTarget } from '../../machine/ssh/target.ts';
import { GONE, isGone } from './gone.ts';
import { checkSwarm, joinTheirSwarm } from './join.ts';
import { allOf, commandName, teller } from './shared.ts';

interface Flags {
  readonly driver: string;
  readonly dns?: string;
  readonly enginePath?: string;
  readonly sshHost: readonly string[];
  readonly sshUser?: string;
  readonly sshPort?: string;
  readonly sshKey?: string;
  readonly engineOpt: readonly string[];
  readonly daemonOpt: readonly string[];
  readonly engineLabel: readonly string[];
  readonly engineEnv: readonly string[];
  readonly engineInsecureRegistry: readonly string[];
  readonly engineRegistryMirror: readonly string[];
  readonly swarm?: boolean;
  readonly swarmMaster?: boolean;
  readonly swarmDiscovery?: string;
  readonly swarmStrategy: string;
  readonly swarmOpt: readonly string[];
}

const each = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function createCommand(): Command {
  return new Command('create')
    .description('make hosts and start them')
    .argument('<name...>')
    .option(
      '-d, --driver <driver>',
      'how the hosts are made: lab or ssh',
      process.env.MACHINE_DRIVER || 'lab',
    )
    .option('--dns <address>', 'lab: nameserver that the hosts and their engines ask (none if not given)')
    .option(
      '--engine-path <folder>',
      "lab: folder with the hosts' Docker Engine (the system's own if not given)",
    )
    .option('--ssh-host <[user@]host[:port]>', 'ssh: the server; once for each name', each, [])
    .option(
      '--ssh-user <user>',
      "ssh: who to log in as, root or one who may use sudo (as ssh's configuration says, else root)",
    )
    .option('--ssh-port <port>', "ssh: the port (as ssh's configuration says, else 22)")
    .option('--ssh-key <file>', "ssh: the private key (the agent's and the usual ones if not given)")
    .option('--engine-opt <key=value>', 'flag for the engine, without its dashes; may be repeated', each, [])
    .option(
      '--daemon-opt <key=value>',
      "option for Essaim's daemon, without its dashes; may be repeated",
      each,
      [],
    )
    .option('--engine-label <key=value>', 'label of the engine; may be repeated', each, [])
    .option('--engine-env <key=value>', "variable of the engine's environment; may be repeated", each, [])
    .option('--engine-insecure-registry <host[:port]>', 'registry without TLS; may be repeated', each, [])
    .option('--engine-registry-mirror <url>', 'mirror of the public registry; may be repeated', each, [])
    .option('--swarm', 'put the hosts into the swarm that is known at --swarm-discovery')
    .option('--swarm-master', 'make such a swarm, with the host as its manager')
    .option('--swarm-discovery <url>', 'where hosts make themselves known: token://…, etcd://…, consul://…')
    .option('--swarm-strategy <name>', 'how the swarm as one engine places containers', 'spread')
    .option(
      '--swarm-opt <key=value>',
      'option of the swarm as one engine: strategy=…; may be repeated',
      each,
      [],
    )
    .action(create);
}

async function create(names: string[], flags: Flags): Promise<void> {
  const driver = driverNamed(flags.driver);
  for (const name of names) checkName(name);
  if (new Set(names).size < names.length) throw new MachineError('The names are not all different.');
  const engine = engineOf(flags);
  const swarm = swarmOf(names, flags);
  const targets = await targetsOf(driver.name, names, flags);
  await checkSwarm(names, swarm);
  await allOf(names, async (name, i) => {
    const progress = teller(name);
    const options: CreateOptions = {
      ...{ dns: flags.dns, engine, swarm, progress },
      ...(flags.daemonOpt.length > 0 && { daemonOptions: flags.daemonOpt }),
      // A host remembers it, wherever the next command is given.
      enginePath: flags.enginePath === undefined ? undefined : resolve(flags.enginePath),
      ...(targets[i] && { ssh: targets[i] }),
    };
    const machine = await driver.create(name, options);
    await joinTheirSwarm(machine, progress);
    progress(
      `running at ${machine.address}; docker talks to it after: eval "$(${commandName()} env ${name})"`,
    );
  });
}

async function targetsOf(driver: string, names: readonly string[], flags: Flags): Promise<SshTarget[]> {
  const { dns, sshHost, sshUser, sshPort, sshKey } = flags;
  if (driver !== 'ssh') {
    if (sshHost.length > 0 || sshUser || sshPort || sshKey)
      throw new MachineError('--ssh-host and the like are for servers that you have: give -d ssh as well.');
    if (dns !== undefined && isIP(dns) === 0)
      throw new MachineError(`Invalid value "${dns}" of --dns: give an IP address, for example "1.1.1.1".`);
    return [];
  }
  for (const option of ['dns', 'enginePath'] as const) {
    if (flags[option] !== undefined)
      throw new MachineError(`--${option === 'dns' ? 'dns' : 'engine-path'} is for the driver lab.`);
  }
  if (sshHost.length !== names.length) {
    throw new MachineError(
      `${names.length} names and ${sshHost.length} hosts: give --ssh-host once for each name, in their order.`,
    );
  }
  const asked = sshHost.map((host) => parseTarget(host, { user: sshUser, port: sshPort, key: sshKey }));
  const targets = await Promise.all(asked.map(resolveTarget));
  const places = targets.map(({ host, port }) => `${host}:${port}`);
  const twice = places.find((place, i) => places.indexOf(place) !== i);
  if (twice !== undefined)
    throw new MachineError(`--ssh-host ${twice} is given twice: each machine is another server.`);
  return targets;
}

/** @throws MachineError that names the option and what it takes */
function engineOf(flags: Flags): EngineSettings {
  check(
    '--engine-opt',
    flags.engineOpt,
    /^[a-z0-9][a-z0-9-]*=/,
    'a flag of dockerd and its value without dashes, for example "log-level=debug"',
  );
  check(
    '--daemon-opt',
    flags.daemonOpt,
    /^[a-z0-9][a-z0-9-]*=[^\s'"]*$/,
    'an option of "essaim daemon" and its value without dashes, for example "registry-host=tcp://0.0.0.0:8500"',
  );
  const gone = flags.engineOpt.find(isGone);
  if (gone !== undefined) throw new MachineError(`--engine-opt ${gone}: ${GONE}: leave it out.`);
  check('--engine-label', flags.engineLabel, /^[^=\s]+=/, 'a key and its value, for example "storage=ssd"');
  check(
    '--engine-env',
    flags.engineEnv,
    /^[A-Za-z_]\w*=/,
    'a variable and its value, for example "HTTP_PROXY=http://10.0.0.9:3128"',
  );
  check(
    '--engine-insecure-registry',
    flags.engineInsecureRegistry,
    /^[^\s/]+(\/\d+)?$/,
    'a host with its port, or a subnet, for example "10.0.0.9:5000"',
  );
  check(
    '--engine-registry-mirror',
    flags.engineRegistryMirror,
    /^https?:\/\/[^\s/]+\/?$/,
    'a URL without path, for example "http://10.0.0.9:5000"',
  );
  return {
    ...(flags.engineOpt.length > 0 && { options: flags.engineOpt }),
    ...(flags.engineLabel.length > 0 && { labels: flags.engineLabel }),
    ...(flags.engineEnv.length > 0 && { environment: flags.engineEnv }),
    ...(flags.engineInsecureRegistry.length > 0 && { insecureRegistries: flags.engineInsecureRegistry }),
    ...(flags.engineRegistryMirror.length > 0 && { registryMirrors: flags.engineRegistryMirror }),
  };
}

function check(option: string, values: readonly string[], form: RegExp, words: string): void {
  for (const value of values) {
    // Each of them is written into files and command lines on the host.
    if (form.test(value) && !/[\n\r\0]/.test(value)) continue;
    throw new MachineError(`Invalid value "${value}" of ${option}: give ${words}.`);
  }
}

/** @throws MachineError */
function swarmOf(names: readonly string[], flags: Flags): SwarmSettings | undefined {
  const { swarm, swarmMaster = false, swarmDiscovery = '' } = flags;
  let strategy = flags.swarmStrategy;
  for (const option of flags.swarmOpt) {
    const value = /^strategy=(.*)$/.exec(option)?.[1];
    if (value === undefined) {
      throw new MachineError(
        `--swarm-opt ${option}: a swarm of Essaim has no such option (its managers agree by themselves, and notice lost hosts within seconds); "strategy=binpack" is one.`,
      );
    }
    strategy = value;
  }
  if (!Object.hasOwn(STRATEGIES, strategy)) {
    throw new MachineError(`--swarm-strategy ${strategy}: use ${Object.keys(STRATEGIES).join(', ')}.`);
  }
  if (!swarm && !swarmMaster) {
    if (swarmDiscovery !== '')
      throw new MachineError('--swarm-discovery needs --swarm, or --swarm-master for the first host.');
    return undefined;
  }
  if (swarmMaster && names.length > 1)
    throw new MachineError('--swarm-master makes one swarm: give one name with it, the others with --swarm.');
  if (swarmDiscovery === '')
    throw new MachineError('--swarm needs --swarm-discovery: token://…, etcd://… or consul://….');
  const discovery = reachable(swarmDiscovery);
  findDiscovery(discovery, { heartbeat: 60, options: {}, failed: () => undefined });
  return { master: swarmMaster, discovery, strategy };
}

/** A token alone means the service that the environment names; the hosts do not have that environment. */
function reachable(url: string): string {
  if (/\s|'/.test(url))
    throw new MachineError(`--swarm-discovery ${url}: a URL has no spaces and no quotes.`);
  const token = /^token:\/\/([^/]+)$/.exec(url)?.[1];
  if (token === undefined) return url;
  const service = process.env.SWARM_DISCOVERY_SERVICE;
  if (!service) {
    throw new MachineError(
      `--swarm-discovery ${url}: which service knows that token? "essaim discovery" serves one; say SWARM_DISCOVERY_SERVICE=http://HOST:4243/v1, or token://HOST:4243/v1/${token}.`,
    );
  }
  return `token://${service.replace(/^[a-z]+:\/\//, '').replace(/\/$/, '')}/${token}`;
}
