/** What is to outlive its host, as it is remembered beyond that host, and beyond the manager that has seen it. */
import type { Host } from '../fleet/contract.ts';
import type { ContainerRecord, EndpointSettings, InspectedContainer } from '../fleet/records.ts';
import { hostName } from './names.ts';
import { cpusOf, SWARM_ID } from './rules/container-config.ts';

/** All that it takes to make a container anew. */
export interface Keepsake {
  /** The container's swarm id. */
  readonly id: string;
  readonly host: {
    readonly key: string;
    readonly name: string;
    readonly cpus: number;
  };
  /** Whether it ran, as far as nobody has ended it. */
  readonly running: boolean;
  readonly container: KeptContainer;
}

/** The parts of what an engine says of a container that are needed. */
export interface KeptContainer {
  readonly Id: string;
  /** With a slash before. */
  readonly Name: string;
  readonly Config: InspectedContainer['Config'];
  readonly HostConfig: InspectedContainer['HostConfig'];
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** Where they are kept for managers to come. All throw what the store, or the way to it, has against it. */
export interface KeepsakeStore {
  all(): Promise<readonly Keepsake[]>;
  put(keepsake: Keepsake): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Undefined for a container that is not known well enough. */
export function keepsakeOf(host: Host, record: ContainerRecord, running: boolean): Keepsake | undefined {
  const id = record.labels[SWARM_ID];
  if (id === undefined || !record.inspected) return undefined;
  const { Id, Name, Config, HostConfig, NetworkSettings } = record.inspected;
  return {
    id,
    host: { key: host.key, name: hostName(host), cpus: host.facts?.cpus ?? 1 },
    running,
    container: { Id, Name, Config, HostConfig, Networks: NetworkSettings.Networks ?? {} },
  };
}

/** A request that makes the same container. @param shared its networks that are those of all hosts */
export function bodyOf({ container, host }: Keepsake, shared: readonly string[]): Record<string, unknown> {
  const { Config, HostConfig } = container;
  const mode = HostConfig.NetworkMode ?? '';
  // Processors are asked for by number.
  const cpus = cpusOf(HostConfig.CpuShares ?? 0, host.cpus);
  return {
    ...Config,
    HostConfig: { ...HostConfig, CpuShares: cpus },
    ...(shared.includes(mode) && {
      NetworkingConfig: { EndpointsConfig: { [mode]: endpointOf(container, mode) } },
    }),
  };
}

/** Its place on a network of all hosts, as it was. */
export function endpointOf({ Id, Networks }: KeptContainer, name: string): object {
  const { IPAMConfig, Aliases, Links, IPAddress } = Networks[name] ?? {};
  return {
    IPAMConfig: IPAMConfig ?? (IPAddress ? { IPv4Address: IPAddress } : null),
    Aliases: (Aliases ?? []).filter((alias) => !Id.startsWith(alias)),
    Links: Links ?? null,
  };
}
