/** Hosts that one has: reached by ssh, made Essaim hosts, and let go again with their engine as it is. */
import { rm } from 'node:fs/promises';
import { ownAuthority, serverFiles } from '../certificates.ts';
import {
  API_PORT,
  apiOver,
  CLUSTER_PORT,
  type CreateOptions,
  type Driver,
  forUser,
  type HostCommand,
  type Machine,
  MachineError,
  type MachineStatus,
  type Progress,
} from '../driver.ts';
import { callApi, ping } from '../engine-api.ts';
import { takeLock, withLock } from '../lock.ts';
import {
  deleteMachine,
  findMachine,
  getMachine,
  listMachines,
  machineDirectory,
  saveMachine,
} from '../registry.ts';
import {
  addressOf,
  asRoot,
  hangUp,
  knownHosts,
  quote,
  sshOptions,
  sshProgram,
  type Way,
  wayTo,
} from './connection.ts';
import { configureEngine, ensureEngine, install, judge, judgeFlags, look, serve, step } from './steps.ts';

const withMachine = <T>({ name }: Machine, work: (machine: Machine) => Promise<T>): Promise<T> =>
  withLock(machineDirectory(name), async () => work(await getMachine(name)));

/** Leaving a swarm stops the tasks of the host. */
const LEAVE_TIMEOUT = 90_000;

export const ssh: Driver = {
  name: 'ssh',

  async create(name, options) {
    const { ssh: target } = options;
    if (!target) throw new MachineError(`Which host is "${name}" to be? Give its address by --ssh-host.`);
    await using _held = await takeLock(machineDirectory(name));
    const before = await findMachine(name);
    if (before?.phase === 'ready') throw new MachineError(`Machine "${name}" already exists`);
    if (before && before.ssh?.host !== target.host) {
      throw new MachineError(
        `Machine "${name}" was begun on ${before.ssh?.host} and not finished: remove it first (essaim machine rm ${name}).`,
      );
    }
    const address = await addressOf(target);
    const other = (await listMachines()).find(
      (each) =>
        each.name !== name &&
        each.ssh?.port === target.port &&
        (each.ssh.host === target.host || each.address === address),
    );
    if (other) {
      throw new MachineError(
        `${target.host} is the machine "${other.name}" already: use it by that name, or remove it first (essaim machine rm ${other.name}).`,
      );
    }
    const machine: Machine = {
      name,
      driver: 'ssh',
      address,
      directory: machineDirectory(name),
      ssh: target,
      engine: options.engine,
      ...(options.daemonOptions && { daemonOptions: options.daemonOptions }),
      ...(options.swarm && { swarm: options.swarm }),
      phase: 'creating',
      createdAt: new Date().toISOString(),
    };
    // Of one that was killed before it had a record nothing counts, nor the key that some host has shown it.
    if (!before) await rm(knownHosts(machine.directory), { force: true });
    return begin(machine, options, before === undefined);
  },

  provision: (called, progress) =>
    withMachine(called, async (machine) => {
      await establish(machine, progress);
      await saveMachine({ ...machine, phase: 'ready' });
    }),

  upgrade: (called, progress) =>
    withMachine(called, async (machine) => {
      const way = wayTo(machine);
      const facts = await look(way);
      const before = await install(way, facts, progress);
      if (before === 'same') return progress('has this Essaim already');
      await restarted(way, machine, before, progress);
    }),

  async prepareManager(machine, progress) {
    const way = wayTo(machine);
    const { packages = '' } = await look(way);
    const said = await step(way, 'installing etcd', 'install_etcd', packages);
    if (said !== '') progress('etcd is installed');
  },

  renewCertificate: (called, progress) =>
    withMachine(called, async (machine) => {
      const files = await serverFiles(machine, true);
      progress('giving the API a new certificate');
      await serve(wayTo(machine), machine, files, { restart: true, progress });
    }),

  start: (called) =>
    withMachine(called, async (machine) => {
      const files = await serverFiles(machine);
      await serve(wayTo(machine), machine, files, { restart: false, progress: () => undefined });
    }),

  async stop(machine) {
    await step(wayTo(machine), 'stopping Essaim', 'switch_off');
  },

  kill(machine) {
    throw new MachineError(
      `Machine "${machine.name}" is a host of your own: nobody can take its power from here. "essaim machine stop ${machine.name}" stops Essaim and its tasks there.`,
    );
  },

  link(machine) {
    throw new MachineError(`Machine "${machine.name}" is a host of your own: its cable is where it is.`);
  },

  remove: (called, force, progress) =>
    withMachine(called, async (machine) => {
      const way = wayTo(machine);
      try {
        await look(way);
        await leaveSwarm(way, machine, progress);
        progress('removing Essaim; Docker Engine and its containers stay');
        await step(way, 'removing Essaim', 'remove');
      } catch (error) {
        if (!(error instanceof MachineError)) throw error;
        if (!force) {
          throw new MachineError(
            `${error.message}\nWith -f the machine is forgotten here, and what is left of Essaim stays on the host.`,
          );
        }
        progress(`${error.message}\nIt is forgotten here; what is left of Essaim stays there.`);
      }
      await forget(way, machine);
    }),

  async status(machine): Promise<MachineStatus> {
    if (machine.phase === 'creating') {
      return { state: 'Error', problem: 'its creation was not finished: create it again or remove it' };
    }
    if (await ping(apiOver(machine))) return { state: 'Running', problem: '' };
    try {
      const state = await step(wayTo(machine), 'asking the host', 'service_state');
      if (state !== 'active') return { state: 'Stopped', problem: '' };
      return {
        state: 'Error',
        problem: `Essaim runs, but does not answer at ${machine.address}:${API_PORT}`,
      };
    } catch (error) {
      return { state: 'Error', problem: (error as Error).message.split('\n')[0]! };
    }
  },

  endpoints: (machine) => ({
    essaim: apiOver(machine),
    engine: apiOver(machine),
    cluster: apiOver(machine, CLUSTER_PORT),
  }),

  async command(machine, argv, terminal = false): Promise<HostCommand> {
    const way = wayTo(machine);
    const file = await sshProgram();
    // There, docker is to be Essaim's.
    const env = 'DOCKER_HOST=unix:///run/essaim/docker.sock';
    const shell = `${env} exec "\${SHELL:-sh}" -l`;
    const [first, flag, words] = argv;
    const commandLine =
      argv.length === 3 && first === 'sh' && flag === '-c'
        ? `export ${env}; ${words}`
        : `${env} ${argv.map(quote).join(' ')}`;
    const tty = terminal ? ['-t'] : [];
    const line = argv.length === 0 ? shell : commandLine;
    const args = ['ssh', ...sshOptions(way), ...tty, '--', way.target.host, line];
    return { file, args, env: definedOnly(process.env) };
  },

  async details(machine) {
    return { SSHHost: machine.ssh?.host ?? '' };
  },
};

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((each): each is [string, string] => each[1] !== undefined),
  );
}

/** Makes the machine; what was changed on the host before it failed is taken back, or said. */
async function begin(machine: Machine, { progress }: CreateOptions, fresh: boolean): Promise<Machine> {
  const way = wayTo(machine);
  const told = { changed: false };
  try {
    await establish(machine, progress, told);
    const ready: Machine = { ...machine, phase: 'ready' };
    await saveMachine(ready);
    return ready;
  } catch (error) {
    const failure = forUser(error);
    if (!failure) throw error;
    if (!told.changed) {
      // Nothing was touched, the key that the host has shown included.
      // Where that fails, it is for the same reason.
      if (fresh) await forget(way, machine).catch(() => undefined);
      throw failure;
    }
    const outcome = await step(way, 'removing Essaim', 'remove').then(
      async () => {
        await forget(way, machine);
        return 'Essaim was taken off the host again; packages that were installed stay.';
      },
      () =>
        `The host cannot be reached any more. What was begun is finished by the same "essaim machine create", or taken back by "essaim machine rm ${machine.name}".`,
    );
    throw new MachineError(`${failure.message}\n${machine.name}: ${outcome}`);
  }
}

/** Brings a host to what its machine's record says, from whatever state it is in. */
async function establish(machine: Machine, progress: Progress, told = { changed: false }): Promise<void> {
  const way = wayTo(machine);
  const { engine = {} } = machine;
  progress(`looking at ${way.target.user}@${way.target.host}`);
  const facts = await look(way);
  judge(way, facts, engine, machine.phase === 'creating' ? await ownAuthority() : undefined);
  await judgeFlags(way, facts, engine);
  progress(
    `${facts.distribution}, ${facts.machine}, ${facts.engine ? `Docker Engine ${facts.engine.version} with ${facts.engine.running} containers running` : 'no Docker Engine'}`,
  );
  await saveMachine(machine);
  told.changed = true;
  await ensureEngine(way, facts, progress);
  await configureEngine(way, facts, engine, progress);
  const files = await serverFiles(machine);
  const before = await install(way, facts, progress);
  if (before === 'same') {
    await serve(way, machine, files, { restart: false, progress });
    return;
  }
  await restarted(way, machine, before, progress);
}

/** Has the host run the release that was just installed; goes back to the one before if that does not come up. */
async function restarted(way: Way, machine: Machine, before: string, progress: Progress): Promise<void> {
  const files = await serverFiles(machine);
  try {
    await serve(way, machine, files, { restart: before !== '', progress });
  } catch (error) {
    if (before === '' || !(error instanceof MachineError)) throw error;
    await step(way, 'going back', 'switch_to', before);
    await serve(way, machine, files, { restart: true, progress });
    throw new MachineError(`${error.message}\n${machine.name}: runs ${before} again.`);
  }
  await step(way, 'removing older releases', 'forget_others');
}

/** A host in a swarm has tasks, and others count on it: it leaves first. */
async function leaveSwarm(way: Way, machine: Machine, progress: Progress): Promise<void> {
  const socket = '/run/essaim/docker.sock';
  const asked = await asRoot(
    way,
    `docker -H unix://${socket} info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null`,
  );
  const state = asked.stdout.trim();
  if (asked.code !== 0 || state === 'inactive' || state === '') return;
  progress('leaving its swarm, where "docker node rm" forgets it');
  await callApi(apiOver(machine), 'POST', '/swarm/leave?force=true', undefined, LEAVE_TIMEOUT);
}

async function forget(way: Way, machine: Machine): Promise<void> {
  await hangUp(way);
  await deleteMachine(machine);
}
