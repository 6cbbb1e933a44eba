/** What `--swarm` and `--swarm-master` ask for: a swarm whose hosts are known at one place. */
import {
  apiOver,
  type Machine,
  MachineError,
  type Progress,
  type SwarmSettings,
} from '../../machine/driver.ts';
import { callApi } from '../../machine/engine-api.ts';
import { listMachines } from '../../machine/registry.ts';

/** Joining waits for the manager, and for its networks. */
const PATIENCE = 90_000;

/** Makes a new machine's swarm, or has it join the one of the same discovery. Nothing for a machine without. */
export async function joinTheirSwarm(machine: Machine, progress: Progress): Promise<void> {
  const { swarm } = machine;
  if (!swarm) return;
  if (swarm.master) {
    progress('making a swarm');
    await initSwarm(machine);
    return;
  }
  const master = await masterOf(swarm);
  progress(`joining the swarm of ${master.name}`);
  await joinSwarm(machine, [master], 'worker');
}

/** @throws MachineError if the hosts that are about to be made could not join anybody */
export async function checkSwarm(names: readonly string[], swarm: SwarmSettings | undefined): Promise<void> {
  if (!swarm) return;
  if (!swarm.master) {
    await masterOf(swarm);
    return;
  }
  const other = (await listMachines()).find(
    (m) => m.swarm?.master && m.swarm.discovery === swarm.discovery && !names.includes(m.name),
  );
  if (other) {
    throw new MachineError(
      `Machine "${other.name}" is the master of ${swarm.discovery}: further hosts are created with --swarm alone.`,
    );
  }
}

/** The machine that makes the swarm of a discovery. */
async function masterOf({ discovery }: SwarmSettings): Promise<Machine> {
  const found = (await listMachines()).find((m) => m.swarm?.master && m.swarm.discovery === discovery);
  if (found) return found;
  throw new MachineError(
    `No machine here is the master of ${discovery}: create it first, with --swarm --swarm-master --swarm-discovery ${discovery}.`,
  );
}

/** @throws MachineError that says that the host itself is there */
export async function initSwarm(machine: Machine): Promise<void> {
  const { address } = machine;
  const body = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: address };
  await callApi(apiOver(machine), 'POST', '/swarm/init', body, PATIENCE).catch(inNoSwarm(machine));
}

function inNoSwarm({ name }: Machine): (error: Error) => never {
  return (error) => {
    throw new MachineError(
      `${name}: ${error.message}. The host is made, and in no swarm: try again ("essaim up ${name} …", or "docker swarm" there), or remove it.`,
      { cause: error },
    );
  };
}

export async function joinSwarm(
  machine: Machine,
  managers: readonly Machine[],
  role: 'manager' | 'worker',
): Promise<void> {
  const { JoinTokens } = await callApi<{ JoinTokens: { Worker: string; Manager: string } }>(
    apiOver(managers[0]!),
    'GET',
    '/swarm',
    undefined,
    PATIENCE,
  );
  const body = {
    ListenAddr: '0.0.0.0:2377',
    AdvertiseAddr: machine.address,
    RemoteAddrs: managers.map(({ address }) => `${address.includes(':') ? `[${address}]` : address}:2377`),
    JoinToken: role === 'manager' ? JoinTokens.Manager : JoinTokens.Worker,
  };
  await callApi(apiOver(machine), 'POST', '/swarm/join', body, PATIENCE).catch(inNoSwarm(machine));
}
