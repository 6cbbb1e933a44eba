/** What is known of the things on a host: as its engine lists them, and what of inspecting them is used. */

export type Labels = Record<string, string>;

export interface ListedPort {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** A container as the engine's list has it. */
export interface ListedContainer {
  Id: string;
  /** With a slash before; also the links that others have to it, `/other/alias`. */
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: ListedPort[] | null;
  Labels: Labels | null;
  State: string;
  Status: string;
  HostConfig?: { NetworkMode?: string };
  NetworkSettings?: { Networks?: Record<string, { NetworkID?: string; IPAddress?: string }> | null };
  Mounts?: Array<{ Type?: string; Name?: string; Source?: string; Destination?: string }> | null;
  [field: string]: unknown;
}

export interface ContainerState {
  Status: string;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  Dead: boolean;
  ExitCode: number;
  StartedAt: string;
  FinishedAt: string;
  Health?: { Status: string } | null;
}

export type PortBindings = Record<string, Array<{ HostIp?: string; HostPort?: string }> | null>;

export interface InspectedContainer {
  Id: string;
  /** With a slash before. */
  Name: string;
  Created: string;
  Image: string;
  State: ContainerState;
  Config: {
    Image: string;
    Labels: Labels | null;
    Env?: string[] | null;
    ExposedPorts?: Record<string, object> | null;
    [field: string]: unknown;
  };
  HostConfig: {
    NetworkMode?: string;
    PortBindings?: PortBindings | null;
    Memory?: number;
    CpuShares?: number;
    [field: string]: unknown;
  };
  NetworkSettings: {
    /** What is bound just now; empty while it does not run. */
    Ports?: PortBindings | null;
    Networks?: Record<string, EndpointSettings> | null;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

export interface EndpointSettings {
  NetworkID?: string;
  IPAddress?: string;
  IPAMConfig?: object | null;
  Aliases?: string[] | null;
  Links?: string[] | null;
  [field: string]: unknown;
}

/** A container of a host. What is not in here is asked of its engine. */
export interface ContainerRecord {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  readonly listed: ListedContainer;
  readonly state: ContainerState;
  readonly labels: Readonly<Labels>;
  /** As it was asked for: `nginx`. */
  readonly image: string;
  readonly networkMode: string;
  /** Ports of the host that it has, or will have once it is started. */
  readonly ports: readonly HostPort[];
  /** `80/tcp` */
  readonly exposed: readonly string[];
  /** Bytes. */
  readonly memory: number;
  /** Of 1024 for all processors of the host. */
  readonly cpuShares: number;
  /** Those of its environment that whoever follows the fleet has asked for (see FleetOptions.variables). */
  readonly variables?: readonly string[];
  /** All of it, where whoever follows the fleet has asked for that (see FleetOptions.keeps). */
  readonly inspected?: InspectedContainer;
}

export interface HostPort {
  readonly ip: string;
  readonly port: number;
}

export interface ImageRecord {
  Id: string;
  ParentId: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  /** Seconds since the epoch. */
  Created: number;
  Size: number;
  Labels: Labels | null;
  [field: string]: unknown;
}

export interface NetworkRecord {
  Id: string;
  Name: string;
  Scope: string;
  Driver: string;
  Labels: Labels | null;
  Containers?: Record<string, unknown> | null;
  [field: string]: unknown;
}

export interface VolumeRecord {
  Name: string;
  Driver: string;
  Labels: Labels | null;
  [field: string]: unknown;
}

export function containerRecord(
  listed: ListedContainer,
  inspected: InspectedContainer,
  { keep = false, variables }: { keep?: boolean; variables?: string },
): ContainerRecord {
  const { Config, HostConfig, NetworkSettings, State } = inspected;
  const { Status, Running, Paused, Restarting, Dead, ExitCode, StartedAt, FinishedAt, Health } = State;
  return {
    id: inspected.Id,
    name: inspected.Name.replace(/^\//, ''),
    listed,
    state: {
      ...{ Status, Running, Paused, Restarting, Dead, ExitCode, StartedAt, FinishedAt },
      ...(Health && { Health: { Status: Health.Status } }),
    },
    labels: Config.Labels ?? {},
    image: Config.Image,
    networkMode: HostConfig.NetworkMode ?? '',
    ports: hostPorts(HostConfig.PortBindings, NetworkSettings.Ports),
    exposed: Object.keys(Config.ExposedPorts ?? {}),
    memory: HostConfig.Memory ?? 0,
    cpuShares: HostConfig.CpuShares ?? 0,
    ...(variables !== undefined && {
      variables: (Config.Env ?? []).filter((each) => each.startsWith(variables)),
    }),
    ...(keep && { inspected }),
  };
}

/** The same container with a newer row of the list. */
export function relisted(record: ContainerRecord, listed: ListedContainer): ContainerRecord {
  return { ...record, listed };
}

/** @param bindings ports of a host that are asked for and that are bound; a range or none counts as not known yet */
export function hostPorts(...bindings: Array<PortBindings | null | undefined>): HostPort[] {
  const found = new Map<string, HostPort>();
  for (const each of bindings.flatMap((ports) => Object.values(ports ?? {})).flatMap((list) => list ?? [])) {
    const port = Number(each.HostPort);
    const ip = each.HostIp ?? '';
    if (Number.isInteger(port) && port > 0) found.set(`${ip}:${port}`, { ip, port });
  }
  return [...found.values()];
}
