/** Translates a task into the container that the engine is to create. Pure: everything is in the arguments. */
import type { AssignedTask } from '../../model/protocol.ts';
import type { ContainerSpec, Driver, GenericResource, Mount, TaskSpec } from '../../model/spec.ts';
import { type Host, taskName, templateContext } from '../../model/task-context.ts';
import { requireEngine } from './engine-support.ts';
import { expandContainerSpec } from './expansion.ts';
import { containerLabels, familiarImage } from './names.ts';
import {
  type EndpointConfig,
  endpoints,
  ipv6Sysctls,
  type JoinedNetworks,
  nameServers,
  publishedPorts,
} from './network-config.ts';

/** A file of the host to be seen in the container, read-only. */
export interface FileMount {
  source: string;
  target: string;
}

export interface ContainerPlan {
  name: string;
  /** The body of POST /containers/create. */
  body: Record<string, unknown>;
  /** Networks to connect after the container was created and before it starts, in order. */
  connect: Array<{ network: string; endpoint: EndpointConfig }>;
}

/**
 * `apiVersion`: what is spoken with the engine ("1.41"). `joined`: the task's networks on this host. `image`: what the engine has the image as. Throws with Docker's text if a placeholder is wrong.
 */
export function containerPlan(
  assigned: AssignedTask,
  host: Host,
  files: readonly FileMount[],
  apiVersion: string,
  joined: JoinedNetworks = new Map(),
  image?: string,
): ContainerPlan {
  const { task } = assigned;
  const spec = expandContainerSpec(task.Spec.ContainerSpec ?? {}, templateContext(task, host));
  requireEngine(spec, apiVersion);
  const modern = Number(apiVersion.split('.')[1]) >= 44;
  const networks = endpoints(task, joined);
  const first = networks.slice(0, modern ? undefined : 1);
  const ports = publishedPorts(task);
  const body = {
    Image: image ?? familiarImage(spec.Image ?? ''),
    Labels: containerLabels(task),
    ...process(spec, task.AssignedGenericResources ?? []),
    ExposedPorts: ports.exposed,
    Healthcheck: healthcheck(spec, modern),
    HostConfig: {
      ...hostConfig(spec, task.Spec),
      Sysctls: some({ ...ipv6Sysctls(joined), ...spec.Sysctls }),
      Dns: some([...nameServers(joined), ...(spec.DNSConfig?.Nameservers ?? [])]),
      Mounts: [...(spec.Mounts ?? []).map(engineMount), ...files.map(fileMount)],
      PortBindings: ports.bindings,
      LogConfig: logConfig(task.Spec.LogDriver ?? assigned.logDriver),
      NetworkMode: networks[0]?.network,
    },
    NetworkingConfig: {
      EndpointsConfig: Object.fromEntries(first.map(({ network, endpoint }) => [network, endpoint])),
    },
  };
  return { name: taskName(task), body, connect: networks.slice(first.length) };
}

/** An empty list or text means "as the image says" or "the default", and is left out. */
function some<T extends string | readonly unknown[] | object>(value: T | null | undefined): T | undefined {
  if (!value) return undefined;
  return Object.keys(value).length > 0 ? value : undefined;
}

function process(spec: ContainerSpec, generic: readonly GenericResource[]): Record<string, unknown> {
  return {
    // A command takes the place of the image's entry point, and then the image's own arguments go too.
    Entrypoint: some(spec.Command),
    Cmd: some(spec.Args),
    Env: some([...(spec.Env ?? []), ...genericEnv(generic)]),
    User: some(spec.User),
    WorkingDir: some(spec.Dir),
    Hostname: some(spec.Hostname),
    Tty: spec.TTY ?? false,
    OpenStdin: spec.OpenStdin ?? false,
    StopSignal: some(spec.StopSignal),
  };
}

/** `DOCKER_RESOURCE_GPU=a,b` for named resources, a number for counted ones. */
function genericEnv(resources: readonly GenericResource[]): string[] {
  const kinds = new Map<string, string[]>();
  for (const { NamedResourceSpec: named, DiscreteResourceSpec: discrete } of resources) {
    const kind = named?.Kind ?? discrete?.Kind ?? '';
    const value = named ? (named.Value ?? '') : String(discrete?.Value ?? 0);
    kinds.set(kind, [...(kinds.get(kind) ?? []), value]);
  }
  return [...kinds].map(([kind, values]) => `DOCKER_RESOURCE_${kind.toUpperCase()}=${values.join(',')}`);
}

function healthcheck(spec: ContainerSpec, modern: boolean): Record<string, unknown> | undefined {
  if (!spec.Healthcheck) return undefined;
  const { StartInterval, ...check } = spec.Healthcheck;
  return { ...check, ...(modern && StartInterval ? { StartInterval } : {}) };
}

function hostConfig(spec: ContainerSpec, task: TaskSpec): Record<string, unknown> {
  const limits = task.Resources?.Limits;
  return {
    GroupAdd: some(spec.Groups),
    ReadonlyRootfs: spec.ReadOnly ?? false,
    Init: spec.Init ?? undefined,
    Isolation: some(spec.Isolation),
    ExtraHosts: some((spec.Hosts ?? []).flatMap(extraHosts)),
    DnsSearch: some(spec.DNSConfig?.Search),
    DnsOptions: some(spec.DNSConfig?.Options),
    CapAdd: some(spec.CapabilityAdd),
    CapDrop: some(spec.CapabilityDrop),
    OomScoreAdj: spec.OomScoreAdj ?? 0,
    Ulimits: spec.Ulimits ?? [],
    SecurityOpt: some(securityOptions(spec.Privileges)),
    Memory: limits?.MemoryBytes || undefined,
    ...swap(task.Resources),
    NanoCpus: limits?.NanoCPUs || undefined,
    PidsLimit: limits?.Pids || undefined,
  };
}

/** The engine counts swap together with memory; Docker Swarm looks at neither without limits. */
function swap(resources: TaskSpec['Resources']): Record<string, unknown> {
  const { Limits: limits, SwapBytes, MemorySwappiness } = resources ?? {};
  if (!limits) return {};
  const memory = limits.MemoryBytes || undefined;
  const bytes = memory === undefined ? undefined : (SwapBytes ?? undefined);
  return {
    MemorySwap: bytes === undefined ? undefined : bytes < 0 ? -1 : memory! + bytes,
    MemorySwappiness: MemorySwappiness ?? undefined,
  };
}

/** "IP name…" as in /etc/hosts becomes "name:IP". */
function extraHosts(entry: string): string[] {
  const [address, ...names] = entry.trim().split(/\s+/);
  return names.map((name) => `${name}:${address}`);
}

function securityOptions(privileges: ContainerSpec['Privileges']): string[] {
  const credential = privileges?.CredentialSpec;
  const selinux = privileges?.SELinuxContext;
  const seccomp = privileges?.Seccomp;
  const options: Array<string | boolean | null | undefined> = [
    credential?.Config
      ? `credentialspec=config://${credential.Config}`
      : credential?.File
        ? `credentialspec=file://${credential.File}`
        : credential?.Registry && `credentialspec=registry://${credential.Registry}`,
    selinux?.Disable && 'label=disable',
    selinux?.User && `label=user:${selinux.User}`,
    selinux?.Role && `label=role:${selinux.Role}`,
    selinux?.Level && `label=level:${selinux.Level}`,
    selinux?.Type && `label=type:${selinux.Type}`,
    seccomp?.Mode === 'unconfined' && 'seccomp=unconfined',
    seccomp?.Mode === 'custom' && `seccomp=${Buffer.from(seccomp.Profile ?? '', 'base64').toString()}`,
    privileges?.AppArmor?.Mode === 'disabled' && 'apparmor=unconfined',
    privileges?.NoNewPrivileges && 'no-new-privileges=true',
  ];
  return options.filter((option) => typeof option === 'string' && option !== '') as string[];
}

function engineMount(mount: Mount): Record<string, unknown> {
  return { ...mount, Type: (mount.Type || 'volume').toLowerCase(), Source: some(mount.Source) };
}

function fileMount({ source, target }: FileMount): Record<string, unknown> {
  return { Type: 'bind', Source: source, Target: target, ReadOnly: true };
}

function logConfig(driver: Driver | null | undefined): Record<string, unknown> | undefined {
  return driver ? { Type: driver.Name ?? '', Config: driver.Options ?? {} } : undefined;
}
