/** Which containers of this host that are no tasks are on networks of the cluster, as its engine says. */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { AttachedContainer } from '../../model/protocol.ts';
import { type Offer, offersOf, PREFIX } from '../../model/registration.ts';
import {
  type ListedNetwork,
  listEngineNetworks,
  NETWORK_OPTION,
} from '../../network/plugin/engine-networks.ts';
import { LABEL } from '../engine-tasks/names.ts';

interface Inspected {
  Name: string;
  State: { Running: boolean; Paused: boolean; Health?: { Status: string } | null };
  Config: { Image: string; Labels: Record<string, string> | null; Env?: string[] | null };
  NetworkSettings: { Ports?: Record<string, unknown> | null };
}

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
  /** `Up 3 minutes (unhealthy)` */
  Status?: string;
  Image?: string;
  Ports?: Array<{ PrivatePort: number; Type: string }> | null;
  Labels: Record<string, string> | null;
  NetworkSettings: { Networks: Record<string, Endpoint> | null };
}

/** Of containers, by id: variables of theirs that the registry reads. They never change. */
export type Variables = Map<string, readonly string[]>;

/** `stirred`: ids of those that are looked at closely, as something may just be happening to them. */
export async function listAttached(
  engine: EngineClient,
  stirred: ReadonlySet<string> = new Set(),
  variables: Variables = new Map(),
): Promise<AttachedContainer[]> {
  const networks = await listEngineNetworks(engine);
  if (networks.length === 0) return [];
  // By name as well: of a container that was never started the engine knows no more.
  const network = networks.flatMap(({ Id, Name }) => [Id, Name]);
  const query = { all: 1, filters: { network } };
  const containers = await engine.json<ListedContainer[]>('GET', '/containers/json', { query });
  for (const id of variables.keys()) if (!containers.some(({ Id }) => Id === id)) variables.delete(id);
  for (const { id } of attachedContainers(networks, containers))
    if (!variables.has(id)) variables.set(id, await variablesOf(engine, id));
  const attached = attachedContainers(networks, containers, variables);
  const close = attached.map((each) => (stirred.has(each.id) ? closely(engine, each) : each));
  return (await Promise.all(close)).filter((each) => each !== undefined);
}

/** The engine's list may lag behind its events; undefined: it is gone. */
async function closely(
  engine: EngineClient,
  container: AttachedContainer,
): Promise<AttachedContainer | undefined> {
  try {
    const inspected = await engine.json<Inspected>('GET', `/containers/${container.id}/json`);
    const { Name, State, Config, NetworkSettings } = inspected;
    const { offers: _, ...rest } = container;
    const Ports = Object.keys(NetworkSettings.Ports ?? {}).map((port) => {
      const [PrivatePort, Type = 'tcp'] = port.split('/');
      return { PrivatePort: Number(PrivatePort), Type };
    });
    const health = State.Health ? `(${State.Health.Status})` : '';
    const offers = offered({
      ...{ State: State.Paused || !State.Running ? 'other' : 'running', Status: health, Ports },
      ...{ Image: Config.Image, Labels: Config.Labels, variables: Config.Env ?? [] },
    });
    const name = Name.replace(/^\//, '');
    return { ...rest, name, running: State.Running, ...(offers && { offers }) };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

async function variablesOf(engine: EngineClient, id: string): Promise<readonly string[]> {
  try {
    const { Config } = await engine.json<{ Config: { Env?: string[] | null } }>(
      'GET',
      `/containers/${id}/json`,
    );
    return (Config.Env ?? []).filter((each) => each.startsWith(PREFIX));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

/** What a container offers while it can serve; undefined while it cannot. */
function offered({
  State,
  Status = '',
  Image = '',
  Labels,
  Ports,
  variables,
}: Pick<ListedContainer, 'State' | 'Status' | 'Image' | 'Labels' | 'Ports'> & {
  variables: readonly string[];
}): Offer[] | undefined {
  if (State !== 'running' || /\((unhealthy|(health: )?starting)\)/.test(Status)) return undefined;
  const ports = (Ports ?? []).map(({ PrivatePort, Type }) => ({
    port: PrivatePort,
    protocol: Type as Offer['protocol'],
  }));
  return offersOf({ image: Image, variables, labels: Labels ?? {}, ports });
}

/** In a fixed order, so that the same is told in the same words. */
export function attachedContainers(
  networks: readonly ListedNetwork[],
  containers: readonly ListedContainer[],
  variables: Variables = new Map(),
): AttachedContainer[] {
  const ids = new Map<string, string>();
  for (const { Id, Name, Labels } of networks) {
    const overlay = Labels?.[NETWORK_OPTION];
    if (overlay === undefined) continue;
    ids.set(Id, overlay);
    ids.set(Name, overlay);
  }
  const found = containers.flatMap((container) => {
    const { Id, Names, State, Labels, NetworkSettings } = container;
    if (Labels && LABEL.taskId in Labels) return [];
    const on = Object.entries(NetworkSettings.Networks ?? {}).flatMap(([name, endpoint]) => {
      const id = ids.get(endpoint.NetworkID || name) ?? ids.get(name);
      const addresses = addressesOf(endpoint);
      return id !== undefined && addresses.length > 0 ? [{ id, addresses }] : [];
    });
    if (on.length === 0) return [];
    const running = ['running', 'paused', 'restarting'].includes(State);
    const name = (Names[0] ?? Id).replace(/^\//, '');
    const offers = offered({ ...container, variables: variables.get(Id) ?? [] });
    return [
      {
        id: Id,
        name,
        running,
        ...(offers && { offers }),
        networks: on.sort((a, b) => (a.id < b.id ? -1 : 1)),
      },
    ];
  });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What the container was given for good; of one that was not, what it has now. */
function addressesOf({ IPAMConfig, IPAddress, GlobalIPv6Address }: Endpoint): string[] {
  const v4 = IPAMConfig?.IPv4Address || IPAddress;
  const v6 = IPAMConfig?.IPv6Address || GlobalIPv6Address;
  return [v4, v6].filter((address) => address !== undefined && address !== '') as string[];
}
