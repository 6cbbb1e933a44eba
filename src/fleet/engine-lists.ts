/** What an engine says of itself and of what is on it. */
import type { EngineClient, EngineVersion } from '../engine/client.ts';
import { ApiError } from '../model/errors.ts';
import type { HostFacts } from './contract.ts';
import type {
  ImageRecord,
  InspectedContainer,
  ListedContainer,
  NetworkRecord,
  VolumeRecord,
} from './records.ts';

interface Info {
  ID: string;
  Name: string;
  NCPU: number;
  MemTotal: number;
  Labels: string[] | null;
  Driver: string;
  KernelVersion: string;
  OperatingSystem: string;
  OSType: string;
  ServerVersion: string;
}

/** @throws ApiError, EngineUnavailableError; an Error with what to tell people if it is no engine */
export async function askFacts(
  engine: EngineClient,
  address: string,
  own: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<HostFacts> {
  const version: EngineVersion = await engine.version();
  const info = await engine.json<Info>('GET', '/info', { signal });
  // A manager of such a cluster would be one host with all that its hosts have together.
  if (!info.NCPU || !info.MemTotal || info.ServerVersion.startsWith('swarm/')) {
    throw new Error(
      `cannot get resources for this engine, make sure ${address} is a Docker Engine, not a Swarm manager`,
    );
  }
  const labels: Record<string, string> = {};
  for (const label of info.Labels ?? []) {
    const at = label.indexOf('=');
    // What a host is called is not up to its labels.
    if (at > 0 && label.slice(0, at) !== 'node') labels[label.slice(0, at)] = label.slice(at + 1);
  }
  const system = {
    storagedriver: info.Driver,
    kernelversion: info.KernelVersion,
    operatingsystem: info.OperatingSystem,
    ostype: info.OSType,
  };
  return {
    engineId: info.ID,
    name: info.Name,
    cpus: info.NCPU,
    memory: info.MemTotal,
    labels: { ...labels, ...own, ...system },
    version: version.Version,
    apiVersion: version.ApiVersion,
  };
}

/** All containers, or those whose ids begin so. */
export function listContainers(engine: EngineClient, ids?: readonly string[]): Promise<ListedContainer[]> {
  const query = { all: 1, ...(ids && { filters: { id: ids } }) };
  return engine.json('GET', '/containers/json', { query });
}

/** Undefined if it is gone. */
export async function inspectContainer(
  engine: EngineClient,
  id: string,
): Promise<InspectedContainer | undefined> {
  try {
    return await engine.json<InspectedContainer>('GET', `/containers/${id}/json`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export function listImages(engine: EngineClient): Promise<ImageRecord[]> {
  return engine.json('GET', '/images/json', { query: { all: 1 } });
}

export function listNetworks(engine: EngineClient): Promise<NetworkRecord[]> {
  return engine.json('GET', '/networks');
}

export async function listVolumes(engine: EngineClient): Promise<VolumeRecord[]> {
  const { Volumes } = await engine.json<{ Volumes: VolumeRecord[] | null }>('GET', '/volumes');
  return Volumes ?? [];
}
