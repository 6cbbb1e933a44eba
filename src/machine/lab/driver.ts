import { join } from 'node:path';
import { serverFiles } from '../certificates.ts';
import {
  type CreateOptions,
  type Driver,
  type HostCommand,
  type Machine,
  MachineError,
  type MachineStatus,
} from '../driver.ts';
import { flagProblem, unknownFlags } from '../engine-flags.ts';
import { run, which } from '../exec.ts';
import { takeLock, withLock } from '../lock.ts';
import {
  deleteMachine,
  findMachine,
  getMachine,
  listMachines,
  machineDirectory,
  saveMachine,
} from '../registry.ts';
import { removeGroups } from './cgroup.ts';
import * as host from './host.ts';
import * as network from './network.ts';
import { checkRequirements } from './requirements.ts';

/** Addresses, bridge and rules are shared by all machines of this system, whoever's they are. */
const withNetwork = <T>(work: () => Promise<T>): Promise<T> => withLock('lab network', work);
/**
 * One command at a time works on a host, as the one before has left it: throws if that has removed it. `kill` and `link` do
 * not wait: a power cut does not either.
 */
const withMachine = <T>({ name }: Machine, work: (machine: Machine) => Promise<T>): Promise<T> =>
  withLock(machineDirectory(name), async () => work(await getMachine(name)));

let lastTurn: Promise<unknown> = Promise.resolve();
/** Does one after the other what is asked for in this process. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = lastTurn.then(work, work);
  lastTurn = mine.catch(() => undefined);
  return mine;
}

/** Hosts made of Linux namespaces on this system, each with its own Docker Engine and Essaim daemon. */
export const lab: Driver = {
  name: 'lab',

  async create(name, options) {
    // Hosts that are made together get their addresses in the order of their names; they boot at the same time.
    const [held, machine] = await inTurn(() => begin(name, options));
    await using _held = held;
    try {
      options.progress(`${name}: creating it at ${machine.address}`);
      await serverFiles(machine);
      await boot(machine);
      const ready: Machine = { ...machine, phase: 'ready' };
      await saveMachine(ready);
      return ready;
    } catch (error) {
      await erase(machine);
      throw error;
    }
  },

  async start(machine) {
    if (machine.phase === 'creating') {
      throw new MachineError(`Machine "${machine.name}" was not finished: create it again, or remove it.`);
    }
    await checkRequirements(machine.enginePath);
    await withMachine(machine, powerOn);
  },

  stop: (called) =>
    withMachine(called, async (machine) => {
      const init = await host.findInit(machine);
      if (!init) return;
      await host.stopPart(machine, init, 'essaim');
      await host.stopPart(machine, init, 'engine');
      await powerOff(machine);
    }),

  kill: powerOff,

  remove: (machine) => withMachine(machine, erase),

  async link(machine, up) {
    await running(machine);
    await network.setLink(machine, up);
  },

  async status(machine): Promise<MachineStatus> {
    if (machine.phase === 'creating') {
      return { state: 'Error', problem: 'its creation was not finished: create it again or remove it' };
    }
    const init = await host.findInit(machine);
    if (!init) return { state: 'Stopped', problem: '' };
    const found = await Promise.all(host.PARTS.map((part) => host.findPart(machine, init, part)));
    const dead = host.PARTS.filter((_, i) => !found[i]).map((part) => `${host.label(part)} does not run`);
    if (!(await network.linkIsUp(machine))) dead.push('cut off from the network');
    return dead.length === 0
      ? { state: 'Running', problem: '' }
      : { state: 'Error', problem: dead.join(', ') };
  },

  async provision(machine, progress) {
    progress('starting what does not run');
    await this.start(machine);
  },

  upgrade: (called, progress) =>
    withMachine(called, async (machine) => {
      const init = await running(machine);
      progress('starting the Essaim of this folder; containers go on');
      await host.endPart(machine, init, 'essaim');
      await boot(machine);
    }),

  async prepareManager() {
    if (await which('etcd')) return;
    throw new MachineError('Several managers need etcd, which is not installed here: package etcd-server.');
  },

  renewCertificate: (called, progress) =>
    withMachine(called, async (machine) => {
      progress('giving the API a new certificate');
      await serverFiles(machine, true);
      const init = await host.findInit(machine);
      if (!init) return;
      await host.endPart(machine, init, 'essaim');
      await boot(machine);
    }),

  endpoints: (machine) => ({
    essaim: { socket: host.socketPath(machine, 'essaim') },
    engine: { socket: host.socketPath(machine, 'engine') },
    cluster: { socket: join(machine.directory, 'run/cluster.sock') },
  }),

  async command(machine, argv): Promise<HostCommand> {
    const init = await running(machine);
    const nsenter = (await which('nsenter')) ?? 'nsenter';
    const env = host.hostEnvironment(machine);
    for (const name of ['TERM', 'LANG', 'LC_ALL']) if (process.env[name]) env[name] = process.env[name];
    const login = argv.length === 0 ? ['sh', '-l'] : argv;
    // What the user started on the host does not outlive the command that brought it there.
    const inside = ['setpriv', '--pdeathsig', 'TERM', 'env', '--chdir', env.HOME!, ...login];
    return { file: nsenter, args: ['nsenter', ...host.enter(init), ...inside], env };
  },

  async details(machine) {
    const init = await host.findInit(machine);
    return {
      Pid: init?.pid ?? 0,
      NetworkNamespace: network.namespaceName(machine),
      DNS: machine.dns ?? machine.address,
      EnginePath: machine.enginePath ?? '',
    };
  },
};

/** Makes the record of a new machine; returns it with its lock, held. */
async function begin(name: string, options: CreateOptions): Promise<[AsyncDisposable, Machine]> {
  await checkRequirements(options.enginePath);
  await checkFlags(options);
  host.checkDirectory(machineDirectory(name));
  const held = await takeLock(machineDirectory(name));
  try {
    await clearUnfinished(name);
    return [held, await reserve(name, options)];
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws MachineError if the engine has no such flags */
async function checkFlags({ engine, enginePath }: CreateOptions): Promise<void> {
  if (!engine.options?.length) return;
  const program =
    enginePath === undefined ? ((await which('dockerd')) ?? 'dockerd') : join(enginePath, 'dockerd');
  const unknown = unknownFlags(await run(program, ['--help']), engine);
  if (unknown.length > 0) throw new MachineError(`A host cannot be made: ${flagProblem(unknown)}.`);
}

/** Removes what a `create` that was killed has left under this name; throws when a finished machine has the name. */
async function clearUnfinished(name: string): Promise<void> {
  const machine = await findMachine(name);
  if (!machine) return;
  if (machine.phase === 'ready') throw new MachineError(`Machine "${name}" already exists`);
  await erase(machine);
}

/** Takes a free address, for good by plugging the host in, and writes the machine's record, before anything is made that would have to be found again. */
async function reserve(name: string, options: CreateOptions): Promise<Machine> {
  return withNetwork(async () => {
    const address = await network.freeAddress((await listMachines()).map((m) => m.address));
    const machine: Machine = {
      name,
      driver: 'lab',
      address,
      directory: machineDirectory(name),
      ...(options.dns !== undefined && { dns: options.dns }),
      ...(options.enginePath !== undefined && { enginePath: options.enginePath }),
      engine: options.engine,
      ...(options.daemonOptions && { daemonOptions: options.daemonOptions }),
      ...(options.swarm && { swarm: options.swarm }),
      phase: 'creating',
      createdAt: new Date().toISOString(),
    };
    await saveMachine(machine);
    try {
      await network.ensureBridge();
      await network.plugIn(machine);
    } catch (error) {
      await disconnect(machine);
      await deleteMachine(machine);
      throw error;
    }
    return machine;
  });
}

async function powerOn(machine: Machine): Promise<void> {
  await serverFiles(machine);
  if (!(await host.findInit(machine))) {
    await host.killProcesses(machine);
    await withNetwork(async () => {
      await network.ensureBridge();
      await network.plugIn(machine);
    });
  }
  await boot(machine);
}

/** Starts what does not run of a host that is plugged in. */
async function boot(machine: Machine): Promise<void> {
  const init = (await host.findInit(machine)) ?? (await host.startInit(machine));
  await network.setLink(machine, true);
  for (const part of host.PARTS) {
    if (!(await host.findPart(machine, init, part))) await host.startPart(machine, init, part);
  }
  await host.ready(machine);
}

/** The network goes first, so that no dying process can say a word to another host. */
async function powerOff(machine: Machine): Promise<void> {
  await network.setLink(machine, false);
  await host.killProcesses(machine);
}

async function erase(machine: Machine): Promise<void> {
  await powerOff(machine);
  await withNetwork(() => disconnect(machine));
  await removeGroups(network.hostKey(machine));
  await deleteMachine(machine);
}

/** Call it under the network's lock. */
async function disconnect(machine: Machine): Promise<void> {
  await network.unplug(machine);
  await network.removeUnusedBridge();
}

async function running(machine: Machine): Promise<NonNullable<Awaited<ReturnType<typeof host.findInit>>>> {
  const init = await host.findInit(machine);
  if (init) return init;
  throw new MachineError(
    `Machine "${machine.name}" is not running. Use "essaim machine start ${machine.name}" to start it.`,
  );
}
