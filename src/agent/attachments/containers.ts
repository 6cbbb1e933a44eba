/** Which containers of this host that are no tasks are on networks of the cluster, as its engine says. */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { AttachedContainer } from '../../model/protocol.ts';
import {
  type ListedNetwork,
  listEngineNetworks,
  NETWORK_OPTION,
} from '../../network/plugin/engine-networks.ts';
import { LABEL } from '../engine-tasks/names.ts';

interface Endpoint {
  NetworkID?: string;
  IPAddress?: string;
  GlobalIPv6Address?: string;
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string } | null;
}

export interface ListedContainer {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string> | null;
  NetworkSettings: { Networks: Record<string, Endpoint> | null };
}

/** `stirred`: ids of those that are looked at closely, as something may just be happening to them. */
export async function listAttached(
  engine: EngineClient,
  stirred: ReadonlySet<string> = new Set(),
): Promise<AttachedContainer[]> {
  const networks = await listEngineNetworks(engine);
  if (networks.length === 0) return [];
  // By name as well: of a container that was never started the engine knows no more.
  const network = networks.flatMap(({ Id, Name }) => [Id, Name]);
  const query = { all: 1, filters: { network } };
  const containers = await engine.json<ListedContainer[]>('GET', '/containers/json', { query });
  const attached = attachedContainers(networks, containers);
  const close = attached.map((each) => (stirred.has(each.id) ? closely(engine, each) : each));
  return (await Promise.all(close)).filter((each) => each !== undefined);
}

/** The engine's list may lag behind its events; undefined: it is gone. */
async function closely(
  engine: EngineClient,
  container: AttachedContainer,
): Promise<AttachedContainer | undefined> {
  try {
    const { Name, State } = await engine.json<{ Name: string; State: { Running: boolean } }>(
      'GET',
      `/containers/${container.id}/json`,
    );
    return { ...container, name: Name.replace(/^\//, ''), running: State.Running };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** In a fixed order, so that the same is told in the same words. */
export function attachedContainers(
  networks: readonly ListedNetwork[],
  containers: readonly ListedContainer[],
): AttachedContainer[] {
  const ids = new Map<string, string>();
  for (const { Id, Name, Labels } of networks) {
    const overlay = Labels?.[NETWORK_OPTION];
    if (overlay === undefined) continue;
    ids.set(Id, overlay);
    ids.set(Name, overlay);
  }
  const found = containers.flatMap(({ Id, Names, State, Labels, NetworkSettings }) => {
    if (Labels && LABEL.taskId in Labels) return [];
    const on = Object.entries(NetworkSettings.Networks ?? {}).flatMap(([name, endpoint]) => {
      const id = ids.get(endpoint.NetworkID || name) ?? ids.get(name);
      const addresses = addressesOf(endpoint);
      return id !== undefined && addresses.length > 0 ? [{ id, addresses }] : [];
    });
    if (on.length === 0) return [];
    const running = ['running', 'paused', 'restarting'].includes(State);
    const name = (Names[0] ?? Id).replace(/^\//, '');
    return [{ id: Id, name, running, networks: on.sort((a, b) => (a.id < b.id ? -1 : 1)) }];
  });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What the container was given for good; of one that was not, what it has now. */
function addressesOf({ IPAMConfig, IPAddress, GlobalIPv6Address }: Endpoint): string[] {
  const v4 = IPAMConfig?.IPv4Address || IPAddress;
  const v6 = IPAMConfig?.IPv6Address || GlobalIPv6Address;
  return [v4, v6].filter((address) => address !== undefined && address !== '') as string[];
}
