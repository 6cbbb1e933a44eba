import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../node/root.ts';
import { daemonFlags } from '../daemon-flags.ts';
import { type EngineSettings, type Machine, MachineError } from '../driver.ts';
import { ping, serves } from '../engine-api.ts';
import { hostPath, run, until } from '../exec.ts';
import { isAlive, type ProcessIdentity, readIdentity } from '../process.ts';
import { containersGroup, killStragglers, makeGroups } from './cgroup.ts';
import { hostKey, namespaceName } from './network.ts';

const script = (name: string): string => join(ROOT, 'src/machine/lab', name);
const essaim = join(ROOT, 'bin/essaim');

/** The two services of a host. Their sockets and identity files lie in the host's /run. */
export type Part = 'engine' | 'essaim';
/** In the order in which they start: an engine that starts asks the daemon for the networks of its containers. */
export const PARTS: readonly Part[] = ['essaim', 'engine'];
const SOCKETS = { engine: 'engine.sock', essaim: 'docker.sock' } as const;
const LABELS = { engine: 'Docker Engine', essaim: 'Essaim daemon' } as const;
/** A daemon that is told that its host is switched off stops its tasks first, so that they fail nobody. */
const STOP_SIGNALS = { engine: 'TERM', essaim: 'PWR' } as const;
/** How long each may take to answer, and to end in good order (an engine gives its containers 10 s), in ms. */
const START_TIMEOUT = 30_000;
const STOP_TIMEOUT = { engine: 40_000, essaim: 45_000 } as const;

export const label = (part: Part): string => LABELS[part];
export const socketPath = (machine: Machine, part: Part): string =>
  join(machine.directory, 'run', SOCKETS[part]);
const identityPath = (machine: Machine, part: Part): string =>
  join(machine.directory, 'run', `${part}.process`);
const logPath = (machine: Machine, part: Part | 'init'): string =>
  join(machine.directory, 'log', `${part}.log`);

/** Throws unless the directory is usable for a host. */
export function checkDirectory(directory: string): void {
  // A host has a /run of its own; and the kernel allows 107 bytes for the path of a socket.
  if (directory.startsWith('/run/') || directory.startsWith('/var/run/')) {
    throw new MachineError(
      `${directory} cannot hold a host: set ESSAIM_HOME to a directory outside of /run.`,
    );
  }
  if (Buffer.byteLength(join(directory, 'run', SOCKETS.engine)) > 107) {
    throw new MachineError(
      `${directory} is too long for the path of a socket: set ESSAIM_HOME to a shorter one.`,
    );
  }
}

/** The host's first process, which holds its namespaces; undefined when the host is off. */
export async function findInit(machine: Machine): Promise<ProcessIdentity | undefined> {
  const init = await readIdentity(join(machine.directory, 'init'));
  return init && (await isAlive(init)) ? init : undefined;
}

/** The service's process as the host numbers it, or undefined when it does not run. */
export async function findPart(
  machine: Machine,
  init: ProcessIdentity,
  part: Part,
): Promise<ProcessIdentity | undefined> {
  const identity = await readIdentity(identityPath(machine, part));
  return identity && (await isAlive(identity, `/proc/${init.pid}/root/proc`)) ? identity : undefined;
}

/** Starts the host's first process in namespaces of its own; the network must be plugged in. */
export async function startInit(machine: Machine): Promise<ProcessIdentity> {
  const { directory, name } = machine;
  await rm(join(directory, 'init'), { force: true });
  // As after a reboot: what an earlier run kept in /run is gone.
  await rm(join(directory, 'run'), { recursive: true, force: true });
  for (const d of ['run', 'mnt', 'log', 'home', 'etc/docker', 'engine', 'daemon']) {
    await mkdir(join(directory, d), { recursive: true });
  }
  await writeFile(join(directory, 'etc/resolv.conf'), `nameserver ${machine.dns ?? machine.address}\n`);
  await writeFile(join(directory, 'etc/hostname'), `${name}\n`);
  await writeFile(join(directory, 'etc/hosts'), `127.0.0.1 localhost\n${machine.address} ${name}\n`);
  const groups = (await makeGroups(hostKey(machine))).join(' ');
  const enterNetwork = ['nsenter', `--net=/run/netns/${namespaceName(machine)}`];
  const leaveOthers = ['unshare', '--mount', '--uts', '--pid', '--fork'];
  const init = ['sh', script('init.sh'), directory, name];
  const args = [script('launch.sh'), groups, '', ...enterNetwork, ...leaveOthers, ...init];
  const exited = await spawnLogged(machine, 'init', 'sh', args);
  return until(
    async () => {
      if (exited()) throw await failure(machine, 'init', 'its first process ended');
      return findInit(machine);
    },
    START_TIMEOUT,
    () => failure(machine, 'init', 'its first process does not come up'),
  );
}

/** Starts a service of the host and waits until it serves its socket; a daemon may wait for its engine then. */
export async function startPart(machine: Machine, init: ProcessIdentity, part: Part): Promise<void> {
  const groups = (await makeGroups(hostKey(machine))).join(' ');
  const argv = part === 'engine' ? engineCommand(machine) : daemonCommand(machine);
  // Forked off, it becomes a child of the host's first process.
  const environment = part === 'engine' ? (machine.engine?.environment ?? []) : [];
  const program = environment.length > 0 ? ['env', ...environment, ...argv] : argv;
  const launch = ['setsid', '--fork', 'sh', script('launch.sh'), groups, `/run/${part}.process`, ...program];
  for (const file of [socketPath(machine, part), identityPath(machine, part)])
    await rm(file, { force: true });
  await spawnLogged(machine, part, 'nsenter', [...enter(init), ...launch]);
  await until(
    async () => {
      if (await serves({ socket: socketPath(machine, part) })) return true;
      const started = await readIdentity(identityPath(machine, part));
      if (started && !(await findPart(machine, init, part)))
        throw await failure(machine, part, `${label(part)} ended`);
      return undefined;
    },
    START_TIMEOUT,
    () => failure(machine, part, `${label(part)} does not answer`),
  );
}

/** Waits until all of a host answers. */
export async function ready(machine: Machine): Promise<void> {
  await until(
    () => ping({ socket: socketPath(machine, 'essaim') }),
    START_TIMEOUT,
    () => failure(machine, 'essaim', `${label('essaim')} does not reach its engine`),
  );
}

/** Shuts a service down as its host is, and waits for it; does nothing when it does not run. */
export function stopPart(machine: Machine, init: ProcessIdentity, part: Part): Promise<void> {
  return signalPart(machine, init, part, STOP_SIGNALS[part]);
}

/** Ends a service while its host goes on. */
export function endPart(machine: Machine, init: ProcessIdentity, part: Part): Promise<void> {
  return signalPart(machine, init, part, 'TERM');
}

async function signalPart(
  machine: Machine,
  init: ProcessIdentity,
  part: Part,
  signal: string,
): Promise<void> {
  const identity = await findPart(machine, init, part);
  if (!identity) return;
  await run('nsenter', [...enter(init), 'kill', `-${signal}`, String(identity.pid)]);
  await until(
    async () => ((await isAlive(identity, `/proc/${init.pid}/root/proc`)) ? undefined : true),
    STOP_TIMEOUT[part],
    () =>
      failure(
        machine,
        part,
        `${label(part)} does not stop; "essaim machine kill ${machine.name}" takes its power`,
      ),
  );
}

/** Ends every process of the host at once: the kernel empties a pid namespace whose first process dies. */
export async function killProcesses(machine: Machine): Promise<void> {
  const init = await findInit(machine);
  if (init) {
    process.kill(init.pid, 'SIGKILL');
    await until(
      async () => ((await isAlive(init)) ? undefined : true),
      10_000,
      () => new MachineError(`Processes of machine "${machine.name}" do not die.`),
    );
  }
  await killStragglers(hostKey(machine));
  await rm(join(machine.directory, 'init'), { force: true });
}

/** Options of nsenter that lead to the host. */
export function enter(init: ProcessIdentity): string[] {
  return ['--target', String(init.pid), '--mount', '--uts', '--net', '--pid'];
}

/** Environment of what runs on a host: nothing is taken over from the user's. */
export function hostEnvironment(machine: Machine): Record<string, string> {
  const home = join(machine.directory, 'home');
  return {
    PATH: hostPath(machine.enginePath),
    HOME: home,
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/sh',
    HOSTNAME: machine.name,
  };
}

function engineCommand(machine: Machine): string[] {
  return [
    'dockerd',
    `--data-root=${join(machine.directory, 'engine')}`,
    '--exec-root=/run/docker',
    '--pidfile=/run/docker.pid',
    '--host=unix:///run/engine.sock',
    `--cgroup-parent=${containersGroup(hostKey(machine))}`,
    // There is no systemd on the host that could make the groups.
    '--exec-opt=native.cgroupdriver=cgroupfs',
    ...flagsOf(machine.engine ?? {}),
  ];
}

function flagsOf({
  options = [],
  labels = [],
  insecureRegistries = [],
  registryMirrors = [],
}: EngineSettings) {
  return [
    ...options.map((option) => `--${option}`),
    ...labels.map((label) => `--label=${label}`),
    ...insecureRegistries.map((registry) => `--insecure-registry=${registry}`),
    ...registryMirrors.map((mirror) => `--registry-mirror=${mirror}`),
  ];
}

function daemonCommand(machine: Machine): string[] {
  const data = join(machine.directory, 'daemon');
  const sockets = ['--engine', '/run/engine.sock', '--socket', '/run/docker.sock'];
  return [essaim, 'daemon', '--data', data, ...sockets, ...daemonFlags(machine, machine.directory)];
}

/** Spawns a process that outlives us; the result tells whether it has ended already. */
async function spawnLogged(
  machine: Machine,
  part: Part | 'init',
  file: string,
  args: string[],
): Promise<() => boolean> {
  const output = await open(logPath(machine, part), 'a');
  try {
    const env = { PATH: hostPath(machine.enginePath), HOME: '/' };
    const child = spawn(file, args, {
      cwd: '/',
      env,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    child.once('error', () => {
      ended = true;
    });
    child.unref();
    return () => ended;
  } finally {
    await output.close();
  }
}

async function failure(machine: Machine, part: Part | 'init', what: string): Promise<MachineError> {
  const log = logPath(machine, part);
  const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-20).join('\n  ');
  return new MachineError(`Machine "${machine.name}": ${what}. The end of ${log}:\n  ${tail}`);
}
