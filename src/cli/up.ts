/** `essaim up`: one swarm of servers that one has. May be given again, with more of them. */
import { Command } from 'commander';
import { apiOver, type Machine, MachineError, type SshTarget } from '../machine/driver.ts';
import { driverNamed, driverOf } from '../machine/drivers.ts';
import { callApi } from '../machine/engine-api.ts';
import { checkName, findMachine, listMachines } from '../machine/registry.ts';
import { resolveTarget } from '../machine/ssh/connection.ts';
import { parseTarget } from '../machine/ssh/target.ts';
import { initSwarm, joinSwarm } from './machine/join.ts';
import { allOf, teller } from './machine/shared.ts';
import { table } from './table.ts';

const PATIENCE = 60_000;

interface Flags {
  readonly sshUser?: string;
  readonly sshPort?: string;
  readonly sshKey?: string;
  readonly managers?: string;
}

interface Wanted {
  readonly name: string;
  /** Not there yet: to be made of this server. */
  readonly target?: SshTarget;
}

interface Info {
  readonly Name: string;
  readonly Swarm: {
    readonly LocalNodeState: string;
    readonly ControlAvailable: boolean;
    readonly Cluster?: { readonly ID: string } | null;
    readonly RemoteManagers?: readonly { readonly Addr: string }[] | null;
  };
}

export function upCommand(): Command {
  return new Command('up')
    .description('make one swarm of servers that you have; three of them manage it, from three servers on')
    .argument('<host...>', 'a server ([USER@]HOST[:PORT], by ssh) or a machine ("essaim machine ls")')
    .option('--managers <number>', 'how many manage the swarm (3, or 1 of fewer than three servers)')
    .option(
      '--ssh-user <user>',
      "who to log in as, root or one who may use sudo (as ssh's configuration says, else root)",
    )
    .option('--ssh-port <port>', "the port (as ssh's configuration says, else 22)")
    .option('--ssh-key <file>', "the private key (the agent's and the usual ones if not given)")
    .action(up);
}

async function up(hosts: string[], flags: Flags): Promise<void> {
  const managers = managersOf(flags.managers, hosts.length);
  const wanted = await Promise.all(hosts.map((host) => wantedFor(host, flags)));
  const names = wanted.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new MachineError(`"${twice}" is named twice.`);
  await allOf(wanted, async ({ name, target }) => {
    if (target) await driverNamed('ssh').create(name, { ssh: target, engine: {}, progress: teller(name) });
  });
  const machines = await Promise.all(names.map(async (name) => (await findMachine(name))!));
  await allOf(machines, async (machine) => {
    const driver = driverOf(machine);
    if ((await driver.status(machine)).state !== 'Running') await driver.start(machine);
  });
  await unite(machines, managers);
  await tell(machines);
}

/** @throws MachineError */
function managersOf(text: string | undefined, hosts: number): number {
  if (text === undefined) return hosts >= 3 ? 3 : 1;
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > hosts || count > 7) {
    throw new MachineError(`--managers takes a number from 1 to ${Math.min(hosts, 7)}, not ${text}.`);
  }
  return count;
}

/** A machine of that name, one made of that server, or one that is to be made of it. */
async function wantedFor(host: string, flags: Flags): Promise<Wanted> {
  if (!/[@:/]/.test(host) && (await findMachine(host).catch(() => undefined))) return { name: host };
  const { sshUser: user, sshPort: port, sshKey: key } = flags;
  const target = await resolveTarget(parseTarget(host, { user, port, key }));
  const same = (await listMachines()).find(
    ({ ssh, phase }) => ssh?.host === target.host && ssh.port === target.port && phase === 'ready',
  );
  if (same) return { name: same.name };
  const label = target.host.replace(/[^a-zA-Z0-9.-]/g, '-');
  const name = /^[\d.]+$/.test(label) ? `host-${label.replaceAll('.', '-')}` : label.split('.')[0]!;
  checkName(name);
  const taken = await findMachine(name);
  if (taken?.phase === 'ready') {
    throw new MachineError(
      `${host} would be the machine "${name}", which is another one: create it under a name of your own ("essaim machine create -d ssh --ssh-host ${host} NAME"), and give that.`,
    );
  }
  return { name, target };
}

/** Has all of them be in one swarm: the one that some are in, or a new one. */
async function unite(machines: readonly Machine[], managers: number): Promise<void> {
  const states = await Promise.all(
    machines.map(async (machine) => ({ machine, info: await infoOf(machine) })),
  );
  const inside = states.filter(({ info }) => info.Swarm.LocalNodeState !== 'inactive');
  const known = inside.filter(({ info }) => info.Swarm.ControlAvailable);
  const clusters = new Set(known.map(({ info }) => info.Swarm.Cluster?.ID));
  if (clusters.size > 1) {
    const all = known.map(({ machine }) => machine.name).join(', ');
    throw new MachineError(`These hosts manage swarms of their own, and nothing was joined: ${all}.`);
  }
  if (inside.length > 0 && known.length === 0) {
    throw new MachineError(
      `${inside.map(({ machine }) => machine.name).join(', ')} are workers of a swarm: name one of its managers too.`,
    );
  }
  const leaders = known.map(({ machine }) => machine);
  const outside = states.filter(({ info }) => info.Swarm.LocalNodeState === 'inactive');
  for (const { machine } of outside) {
    const progress = teller(machine.name);
    const manages = leaders.length < managers;
    // One that is alone needs nothing besides; each of several has its member of etcd.
    if (manages && managers > 1) {
      await driverOf(machine).prepareManager(machine, progress);
    }
    if (leaders.length === 0) {
      progress('making a swarm');
      await initSwarm(machine);
    } else {
      progress(`joining as a ${manages ? 'manager' : 'worker'}`);
      await joinSwarm(machine, leaders, manages ? 'manager' : 'worker');
    }
    if (manages) leaders.push(machine);
  }
}

async function infoOf(machine: Machine): Promise<Info> {
  return callApi<Info>(apiOver(machine), 'GET', '/info', undefined, PATIENCE);
}

async function tell(machines: readonly Machine[]): Promise<void> {
  const rows = await Promise.all(
    machines.map(async (machine) => {
      const { Swarm } = await infoOf(machine);
      return [machine.name, machine.address, Swarm.ControlAvailable ? 'manager' : 'worker'];
    }),
  );
  const manager = rows.find(([, , role]) => role === 'manager')?.[0] ?? machines[0]!.name;
  process.stdout.write(`\n${table(['NAME', 'ADDRESS', 'ROLE'], rows)}\n`);
  process.stdout.write(
    `docker talks to the swarm after: eval "$(essaim machine env ${manager})"\nthen: docker node ls\n`,
  );
}
