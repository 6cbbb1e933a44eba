/**
 * Containers as clients are to see them: what stands for an overlay on this host is shown as the overlay, with the
 * aliases that the container has there.
 */
import { type EngineClient, errorOf, readAll } from '../../engine/client.ts';
import { exactly } from '../../engine/exact.ts';
import type { ApiRequest } from '../router.ts';
import { ALIASES_OPTION, HOST_PORTS_OPTION, NAME_SERVERS_OPTION } from './attach.ts';
import { clusterId, engineNetworks, standsForLocal } from './engine-networks.ts';

/** Of the containers of tasks. */
export const TASK_LABEL = 'com.docker.swarm.task';

type Values = Record<string, string>;

interface Endpoint {
  NetworkID?: string;
  Aliases?: string[] | null;
  /** Newer engines. */
  DNSNames?: string[] | null;
  DriverOpts?: Values | null;
}

interface Port {
  PrivatePort: number;
  Type: string;
}

/** As it is inspected, and as it is listed. */
export interface SeenContainer {
  Id?: string;
  /** Listed: as a word. */
  State?: { Running?: boolean } | string;
  Labels?: Values | null;
  /** Listed. */
  Ports?: Port[] | null;
  Config?: { Labels?: Values | null; ExposedPorts?: Record<string, object> | null };
  HostConfig?: { NetworkMode?: string; Dns?: string[] | null };
  NetworkSettings?: {
    Networks?: Record<string, Endpoint> | null;
    /** Inspected. */
    Ports?: Record<string, unknown> | null;
  };
}

/** What stands for networks of the cluster on this host: the engine's ids, with their own. */
export type OverlaysHere = ReadonlyMap<string, OverlayHere>;

export interface OverlayHere {
  id: string;
  name: string;
  isLocal: boolean;
  /** Addresses at which containers on it ask for names. */
  nameServers?: readonly string[];
}

export async function overlaysHere(engine: EngineClient, request: ApiRequest): Promise<OverlaysHere> {
  const networks = await engineNetworks(engine, request);
  return new Map(
    networks.flatMap((network) => {
      const id = clusterId(network);
      if (id === undefined) return [];
      const nameServers = (network.IPAM?.Config ?? []).flatMap(({ Gateway }) => Gateway ?? []);
      const isLocal = standsForLocal(network);
      return [[network.Id, { id, name: network.Name, isLocal, nameServers }] as const];
    }),
  );
}

/** What the engine answers to the request. Throws ApiError. */
export async function askEngine<T>(
  engine: EngineClient,
  { path, apiVersion, signal }: ApiRequest,
  query: URLSearchParams,
): Promise<T> {
  const options = { query: Object.fromEntries(query), apiVersion, signal };
  const target = path.split('/').map(encodeURIComponent).join('/');
  const answer = await engine.request('GET', target, options);
  if (answer.status !== 200) throw await errorOf(answer);
  return JSON.parse((await readAll(answer.body)).toString(), exactly) as T;
}

/** Whether it runs on an overlay: its engine then does not know the ports that it exposes for its own. */
export function runsOnOverlay({ State, NetworkSettings }: SeenContainer, overlays: OverlaysHere): boolean {
  const runs = typeof State === 'string' ? State === 'running' : State?.Running === true;
  const endpoints = Object.values(NetworkSettings?.Networks ?? {});
  return runs && endpoints.some(({ NetworkID }) => overlays.get(NetworkID ?? '')?.isLocal === false);
}

/** An inspected container with the ports that it exposes, which on Docker's own overlays are shown. */
export function withExposed<T extends SeenContainer>(container: T): T {
  const { Config, NetworkSettings } = container;
  const exposed = Object.keys(Config?.ExposedPorts ?? {}).map((port) => [port, null]);
  const ports = Object.entries({ ...Object.fromEntries(exposed), ...NetworkSettings?.Ports });
  const Ports = Object.fromEntries(ports.sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...container, NetworkSettings: { ...NetworkSettings, Ports } };
}

/** A listed container with these ports ("80/tcp") as well. */
export function listedWith<T extends SeenContainer>(container: T, exposed: readonly string[]): T {
  const Ports = [...(container.Ports ?? [])];
  for (const port of exposed) {
    const [number, Type = 'tcp'] = port.split('/');
    const PrivatePort = Number(number);
    if (!Ports.some((known) => known.PrivatePort === PrivatePort && known.Type === Type))
      Ports.push({ PrivatePort, Type });
  }
  return { ...container, Ports };
}

export function asSeen<T extends SeenContainer>(container: T, overlays: OverlaysHere): T {
  const { HostConfig, NetworkSettings } = container;
  const seen = { ...container };
  const mode = overlays.get(HostConfig?.NetworkMode ?? '');
  if (mode) {
    const isTask = Object.hasOwn(container.Labels ?? container.Config?.Labels ?? {}, TASK_LABEL);
    seen.HostConfig = { ...HostConfig, NetworkMode: isTask ? 'default' : mode.name };
  }
  const Dns = seen.HostConfig?.Dns;
  if (Dns?.length) seen.HostConfig = { ...seen.HostConfig, Dns: askedServers(container, Dns, overlays) };
  if (NetworkSettings?.Networks) {
    const networks = Object.entries(NetworkSettings.Networks).map(([name, endpoint]) => [
      name,
      endpointAsSeen(endpoint, overlays),
    ]);
    seen.NetworkSettings = { ...NetworkSettings, Networks: Object.fromEntries(networks) };
  }
  return seen;
}

const OUR_OPTIONS: ReadonlySet<string> = new Set([ALIASES_OPTION, NAME_SERVERS_OPTION, HOST_PORTS_OPTION]);

/** The name servers that were asked for, without those that it was given for the overlays that it was made on. */
function askedServers(
  { Config, NetworkSettings }: SeenContainer,
  servers: readonly string[],
  overlays: OverlaysHere,
): string[] | null {
  const given = Object.values(NetworkSettings?.Networks ?? {}).flatMap(({ NetworkID, DriverOpts }) => {
    const overlay = overlays.get(NetworkID ?? '');
    const isLate = DriverOpts?.[NAME_SERVERS_OPTION] !== undefined;
    return overlay && !overlay.isLocal && !isLate ? (overlay.nameServers ?? []) : [];
  });
  const asked = servers.filter((server) => !given.includes(server));
  const isTask = Object.hasOwn(Config?.Labels ?? {}, TASK_LABEL);
  return asked.length === 0 && isTask ? null : asked;
}

function endpointAsSeen(endpoint: Endpoint, overlays: OverlaysHere): Endpoint {
  const overlay = overlays.get(endpoint.NetworkID ?? '');
  const own = overlay ? { ...endpoint, NetworkID: overlay.id } : endpoint;
  const given = Object.entries(endpoint.DriverOpts ?? {});
  const options = given.filter(([name]) => !OUR_OPTIONS.has(name));
  if (options.length === given.length) return own;
  const DriverOpts = options.length > 0 ? Object.fromEntries(options) : null;
  const kept = endpoint.DriverOpts?.[ALIASES_OPTION];
  // The list shows no aliases.
  if (kept === undefined || endpoint.Aliases === undefined) return { ...own, DriverOpts };
  const aliases = kept.split(',');
  const [name, ...others] = endpoint.DNSNames ?? [];
  const DNSNames = name === undefined ? {} : { DNSNames: [...new Set([name, ...aliases, ...others])] };
  return {
    ...{ ...own, DriverOpts, ...DNSNames },
    Aliases: [...new Set([...aliases, ...(endpoint.Aliases ?? [])])],
  };
}
