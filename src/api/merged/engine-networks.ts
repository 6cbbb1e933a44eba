/** What this host's engine has for networks of the cluster: local networks with a label each, by which they are told. */
import type { EngineClient } from '../../engine/client.ts';
import { parseFilters } from '../filters.ts';
import type { ApiRequest } from '../router.ts';
import type { Containers } from '../swarm/networks/form.ts';
import { DRIVER, LABEL } from './attach.ts';

/** Filters that are asked of what `asClusters` makes. */
const CHANGED = ['id', 'driver', 'scope'];

export interface EngineNetwork {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  Containers: Containers;
  ConfigOnly?: boolean;
  IPAM?: { Config?: Array<{ Gateway?: string }> | null };
}

type Asked = Pick<ApiRequest, 'apiVersion' | 'signal'>;

/** The id in the cluster of the network that this stands for; undefined for one that is the engine's own. */
export function clusterId({ Labels }: Pick<EngineNetwork, 'Labels'>): string | undefined {
  return Labels?.[LABEL];
}

/** Whether what stands for a network of the cluster is this host's alone. */
export function standsForLocal({ Driver, Labels }: Pick<EngineNetwork, 'Driver' | 'Labels'>): boolean {
  return Driver !== DRIVER && Labels?.[LABEL] !== undefined;
}

export function engineNetworks(
  engine: EngineClient,
  { apiVersion, signal }: Asked,
  query: Record<string, string> = {},
): Promise<EngineNetwork[]> {
  return engine.json('GET', '/networks', { query, apiVersion, signal });
}

/** What a host that is no manager lists: its engine's networks, those that stand for the cluster's as these. */
export async function listedHere(
  engine: EngineClient,
  request: Pick<ApiRequest, 'apiVersion' | 'signal' | 'query'>,
): Promise<EngineNetwork[]> {
  const filters = parseFilters(request.query);
  // What stands for one has another id and driver on the engine, and another scope.
  const others = { ...Object.fromEntries(request.query), filters: String(filters.without(...CHANGED)) };
  const ids = filters.get('id');
  return (await engineNetworks(engine, request, others))
    .map(asClusters)
    .filter(
      ({ Id, Driver, Scope }) =>
        (ids.length === 0 || ids.some((part) => Id.includes(part))) &&
        filters.exact('driver', Driver) &&
        filters.exact('scope', Scope),
    );
}

/** The networks of that name which this host has for itself. */
export async function calledHere(
  name: string,
  engine: EngineClient,
  request: Asked,
): Promise<EngineNetwork[]> {
  const filters = JSON.stringify({ name: { [name]: true } });
  const named = await engineNetworks(engine, request, { filters });
  return named.filter((network) => network.Name === name && clusterId(network) === undefined);
}

/** The engine's network on this host that stands for the cluster's of that id or name; undefined: it has none. */
export async function engineNetworkOf(
  engine: EngineClient,
  called: string,
  request: Asked,
): Promise<EngineNetwork | undefined> {
  const all = (await engineNetworks(engine, request)).filter((each) => clusterId(each) !== undefined);
  const known = all.find((each) => {
    const id = clusterId(each)!;
    return id === called || each.Name === called || (called !== '' && id.startsWith(called));
  });
  // Of a request only this: with its headers the engine would wait for its body.
  const { apiVersion, signal } = request;
  return known && engine.json('GET', `/networks/${known.Id}`, { apiVersion, signal });
}

/** What stands for a network of the cluster, as that: all that a worker knows of it. */
export function asClusters(network: EngineNetwork): EngineNetwork {
  const id = clusterId(network);
  if (id === undefined) return network;
  const without = <T extends Record<string, string> | null>(values: T): T =>
    values && (Object.fromEntries(Object.entries(values).filter(([key]) => key !== LABEL)) as T);
  return {
    ...network,
    Id: id,
    Driver: standsForLocal(network) ? network.Driver : 'overlay',
    Options: without(network.Options),
    Labels: without(network.Labels),
    ...{ Scope: 'swarm' },
  };
}
