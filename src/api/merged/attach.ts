/** Containers that are no tasks on networks of the cluster: what their requests become for the engine. */
import type { ContainerNetworks, ContainerPlace, WantedNetwork } from '../../agent/contract.ts';
import { type EngineClient, errorOf } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { type Json, keyOf, part, set, text, texts } from '../body-object.ts';
import type { ApiContext, ApiRequest, JsonReply } from '../router.ts';

/** The driver of the engine's networks that stand for overlays, and the label of all that stand for networks of the cluster, with their id (src/network). */
export const DRIVER = 'essaim';
export const LABEL = 'essaim.network';
/** Driver option of an endpoint on one of them: its aliases, with commas. */
export const ALIASES_OPTION = 'essaim.aliases';
/** Driver option of an endpoint whose container was there before it: the container's name servers (src/network/plugin). */
export const NAME_SERVERS_OPTION = 'essaim.nameservers';
/** Driver option of an endpoint whose container publishes ports of its host (src/network/plugin). */
export const HOST_PORTS_OPTION = 'essaim.hostports';
const TASK_LABEL = 'com.docker.swarm.task.id';

/** Modes that name no network, and networks that each engine has. */
const NO_OVERLAY = /^(|default|bridge|host|none|container:.*)$/;

/** The networks that a new container names, those of every engine left out. */
export function namedNetworks(body: Json): string[] {
  const mode = text(part(body, 'HostConfig')[keyOf(part(body, 'HostConfig'), 'NetworkMode')]);
  const endpoints = Object.keys(part(part(body, 'NetworkingConfig'), 'EndpointsConfig'));
  return [...new Set([mode, ...endpoints])].filter((name) => !NO_OVERLAY.test(name));
}

/** What the endpoint's settings ask for. */
export function wantedNetwork(network: string, endpoint: Json, ownNameServers: boolean): WantedNetwork {
  const ipam = part(endpoint, 'IPAMConfig');
  const addresses = ['IPv4Address', 'IPv6Address']
    .map((name) => text(ipam[keyOf(ipam, name)]))
    .filter((address) => address !== '');
  return { network, addresses, aliases: texts(endpoint[keyOf(endpoint, 'Aliases')]), ownNameServers };
}

/**
 * The endpoint's settings for the engine. Its aliases are only kept there: the engine would answer for those on this
 * host alone.
 */
export function endpointFor(endpoint: Json, { ipv4, ipv6, isNodeLocal }: ContainerPlace): Json {
  if (isNodeLocal) return endpoint;
  const { [keyOf(endpoint, 'Aliases')]: aliases, ...others } = endpoint;
  const addresses = { ...(ipv4 ? { IPv4Address: ipv4 } : {}), ...(ipv6 ? { IPv6Address: ipv6 } : {}) };
  const placed = set(others, 'IPAMConfig', { ...part(endpoint, 'IPAMConfig'), ...addresses });
  const kept = texts(aliases).join();
  if (kept === '') return placed;
  return set(placed, 'DriverOpts', { ...part(endpoint, 'DriverOpts'), [ALIASES_OPTION]: kept });
}

/** The same of a container that is there already, whose engine goes on asking the name servers that it was made with. */
export function lateEndpoint(endpoint: Json, nameServers: readonly string[]): Json {
  const options = { ...part(endpoint, 'DriverOpts'), [NAME_SERVERS_OPTION]: nameServers.join() };
  return set(endpoint, 'DriverOpts', options);
}

/** The body of a new container with the places that it got, by the names that it calls their networks. */
export function containerFor(body: Json, places: ReadonlyMap<string, ContainerPlace>): Json {
  const networking = part(body, 'NetworkingConfig');
  const endpoints = new Map(Object.entries(part(networking, 'EndpointsConfig')) as Array<[string, Json]>);
  const host = part(body, 'HostConfig');
  const mode = text(host[keyOf(host, 'NetworkMode')]);
  const place = places.get(mode);
  // A network that only the mode names has no settings yet.
  if (place && !endpoints.has(mode)) endpoints.set(mode, {});
  const EndpointsConfig = Object.fromEntries(
    [...endpoints].map(([name, endpoint]) => {
      const at = places.get(name);
      return at ? [at.network, endpointFor(endpoint ?? {}, at)] : [name, endpoint];
    }),
  );
  const servers = [...places.values()].flatMap(({ nameServer }) => nameServer ?? []);
  const Dns = [...new Set([...servers, ...texts(host[keyOf(host, 'Dns')])])];
  const changed = set(place ? set(host, 'NetworkMode', place.network) : host, 'Dns', Dns);
  return set(
    set(body, 'HostConfig', changed),
    'NetworkingConfig',
    set(networking, 'EndpointsConfig', EndpointsConfig),
  );
}

/** Makes the container that `body` of the request describes; undefined if none of its networks is the cluster's. */
export async function createAttached(
  { engine, membership }: ApiContext,
  request: ApiRequest,
  body: Json,
): Promise<JsonReply | undefined> {
  const containers = membership.containers();
  if (!containers) return undefined;
  const names: string[] = [];
  const wanted: WantedNetwork[] = [];
  const host = part(body, 'HostConfig');
  const own = texts(host[keyOf(host, 'Dns')]).length > 0;
  for (const name of namedNetworks(body)) {
    const called = await overlayCalled(engine, name, request);
    if (called === undefined) continue;
    const endpoint = part(part(part(body, 'NetworkingConfig'), 'EndpointsConfig'), name);
    names.push(name);
    wanted.push(wantedNetwork(called, endpoint, own));
  }
  if (wanted.length === 0) return undefined;
  return unlessUnknown(() =>
    containers.attach(wanted, async (places) => {
      const byName = new Map(names.map((name, i) => [name, places[i]!]));
      const answer = await engine.json<object>('POST', '/containers/create', {
        query: Object.fromEntries(request.query),
        body: containerFor(body, byName),
        apiVersion: request.apiVersion,
      });
      return { status: 201, body: answer };
    }),
  );
}

/** Connects a container as `body` of the request says; undefined if the network is none of the cluster's. */
export async function connectAttached(
  { engine, membership }: ApiContext,
  request: ApiRequest,
  body: Json,
): Promise<JsonReply | undefined> {
  const containers = membership.containers();
  const called = containers && (await overlayCalled(engine, request.params.id!, request));
  if (called === undefined) return undefined;
  return connect(engine, containers!, { request, body, called });
}

async function connect(
  engine: EngineClient,
  containers: ContainerNetworks,
  { request, body, called }: { request: ApiRequest; body: Json; called: string },
): Promise<JsonReply | undefined> {
  const { apiVersion, signal } = request;
  const container = text(body[keyOf(body, 'Container')]);
  if (container === '') throw new ApiError(400, 'invalid name or ID supplied: ""');
  const known = await engine.json<Inspect>('GET', `/containers/${encodeURIComponent(container)}/json`, {
    signal,
  });
  if (known.Config.Labels && TASK_LABEL in known.Config.Labels) {
    throw new ApiError(
      403,
      `container ${container} is a task of the swarm: its networks are those of its service`,
    );
  }
  const endpoint = part(body, 'EndpointConfig');
  const wanted = wantedNetwork(called, endpoint, false);
  return unlessUnknown(() =>
    containers.attach([wanted], async ([place]) => {
      const { network } = place!;
      const onIt = `/networks/${encodeURIComponent(network)}`;
      if (known.NetworkSettings.Networks?.[network]) {
        const name = known.Name.replace(/^\//, '');
        if (known.State.Running) throw new ApiError(409, `${name} is already attached to network ${network}`);
        // One that does not run may be connected anew with other settings, which its engine would not take.
        await engine.json('POST', `${onIt}/disconnect`, { body: { Container: known.Id }, apiVersion });
      }
      const placed = endpointFor(endpoint, place!);
      const EndpointConfig = place!.isNodeLocal ? placed : lateEndpoint(placed, known.HostConfig.Dns ?? []);
      const answer = await engine.request('POST', `${onIt}/connect`, {
        body: { Container: known.Id, EndpointConfig },
        apiVersion,
      });
      if (answer.status >= 300) throw await errorOf(answer);
      answer.body.resume();
      return { status: 200 };
    }),
  );
}

interface EngineNetwork {
  Name: string;
  Driver: string;
  Labels: Record<string, string> | null;
}

interface Inspect {
  Id: string;
  Name: string;
  State: { Running: boolean };
  Config: { Labels: Record<string, string> | null };
  HostConfig: { Dns: string[] | null };
  NetworkSettings: { Networks: Record<string, object> | null };
}

/** What the cluster may know the network as; undefined for one that is this host's own. */
async function overlayCalled(
  engine: EngineClient,
  name: string,
  { signal }: ApiRequest,
): Promise<string | undefined> {
  const here = await engine
    .json<EngineNetwork>('GET', `/networks/${encodeURIComponent(name)}`, { signal })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
  if (!here) return name;
  const { Name, Driver, Labels } = here;
  const id = Labels?.[LABEL];
  if (Driver !== DRIVER && id === undefined) return undefined;
  // In the user's own words where they are the cluster's too.
  return id === undefined || id.startsWith(name) || Name === name ? name : id;
}

/** A network that the cluster does not have either is the engine's to speak of. */
async function unlessUnknown<T>(attach: () => Promise<T>): Promise<T | undefined> {
  try {
    return await attach();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404 && /^network .* not found$/.test(error.message))
      return undefined;
    throw error;
  }
}
