/** A compose file made of what runs, for stacks that somebody else has deployed. Pure. */
import { stringify } from 'yaml';
import type { Network, Service } from '../model/objects.ts';
import type { ContainerSpec, Mount, ServiceSpec, UpdateConfig } from '../model/spec.ts';
import type { Dict } from './read.ts';
import { NAMESPACE } from './service.ts';

/** The text of a compose file that stands for these services. `networks`: all of the swarm's, by id and name. */
export function exported(stack: string, services: readonly Service[], networks: readonly Network[]): string {
  const used = { networks: new Map<string, Dict>(), volumes: new Map<string, Dict>() };
  const contents = { secrets: new Set<string>(), configs: new Set<string>() };
  const entries = services
    .map(
      ({ Spec }) =>
        [shortName(stack, Spec.Name ?? ''), serviceEntry(stack, Spec, networks, used, contents)] as const,
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const external = (names: Set<string>): Dict =>
    Object.fromEntries([...names].map((name) => [name, { external: true }]));
  const document = {
    services: Object.fromEntries(entries),
    networks: Object.fromEntries(used.networks),
    volumes: Object.fromEntries(used.volumes),
    // What is in them stays where it is.
    secrets: external(contents.secrets),
    configs: external(contents.configs),
  };
  const kept = Object.fromEntries(
    Object.entries(document).filter(([, value]) => Object.keys(value).length > 0),
  );
  return `# Made of what runs: this stack was not deployed from here.\n${escaped(stringify(kept, { lineWidth: 0 }))}`;
}

/** What is a dollar there is no variable here. */
function escaped(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function shortName(stack: string, name: string): string {
  return name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
}

function serviceEntry(
  stack: string,
  spec: ServiceSpec,
  networks: readonly Network[],
  used: { networks: Map<string, Dict>; volumes: Map<string, Dict> },
  contents: { secrets: Set<string>; configs: Set<string> },
): Dict {
  const task = spec.TaskTemplate ?? {};
  const container: ContainerSpec = task.ContainerSpec ?? {};
  const image = spec.Labels?.['com.docker.stack.image'] ?? container.Image?.replace(/@sha256:\w+$/, '');
  const files = (
    list: Array<{
      File?: { Name?: string | null; UID?: string | null; GID?: string | null; Mode?: number | null } | null;
      name: string;
    }>,
    into: Set<string>,
  ) =>
    list.map(({ File, name }) => {
      into.add(name);
      const { Name, UID, GID, Mode } = File ?? {};
      const isPlain =
        Name === name && (UID || '0') === '0' && (GID || '0') === '0' && (Mode ?? 0o444) === 0o444;
      return isPlain ? name : trimmed({ source: name, target: Name, uid: UID, gid: GID, mode: Mode });
    });
  return trimmed({
    image,
    entrypoint: container.Command,
    command: container.Args,
    hostname: container.Hostname,
    user: container.User,
    working_dir: container.Dir,
    environment: container.Env,
    labels: withoutOwn(container.Labels),
    init: container.Init ?? undefined,
    tty: container.TTY,
    stdin_open: container.OpenStdin,
    read_only: container.ReadOnly,
    stop_signal: container.StopSignal,
    stop_grace_period: container.StopGracePeriod == null ? undefined : seconds(container.StopGracePeriod),
    cap_add: container.CapabilityAdd,
    cap_drop: container.CapabilityDrop,
    sysctls: container.Sysctls,
    ulimits: Object.fromEntries(
      (container.Ulimits ?? []).map(({ Name, Soft, Hard }) => [Name, { soft: Soft, hard: Hard }]),
    ),
    dns: container.DNSConfig?.Nameservers,
    dns_search: container.DNSConfig?.Search,
    extra_hosts: (container.Hosts ?? []).map((line) => {
      const [address, ...hosts] = line.split(' ');
      return `${hosts.join(' ')}:${address}`;
    }),
    healthcheck: healthEntry(container.Healthcheck),
    logging: task.LogDriver && trimmed({ driver: task.LogDriver.Name, options: task.LogDriver.Options }),
    ports: (spec.EndpointSpec?.Ports ?? []).map(({ TargetPort, PublishedPort, Protocol, PublishMode }) =>
      trimmed({
        target: TargetPort,
        published: PublishedPort || undefined,
        protocol: Protocol,
        mode: PublishMode,
      }),
    ),
    volumes: (container.Mounts ?? []).map((mount) => mountEntry(stack, mount, used.volumes)),
    networks: networkEntries(stack, spec, networks, used.networks),
    secrets: files(
      (container.Secrets ?? []).map(({ File, SecretName }) => ({ File, name: SecretName ?? '' })),
      contents.secrets,
    ),
    configs: files(
      (container.Configs ?? []).map(({ File, ConfigName }) => ({ File, name: ConfigName ?? '' })),
      contents.configs,
    ),
    deploy: deployEntry(spec),
  });
}

function networkEntries(
  stack: string,
  spec: ServiceSpec,
  networks: readonly Network[],
  used: Map<string, Dict>,
): Dict {
  const list = [...(spec.TaskTemplate?.Networks ?? []), ...(spec.Networks ?? [])];
  return Object.fromEntries(
    list.map(({ Target, Aliases }) => {
      const network = networks.find(({ ID, Spec }) => ID === Target || Spec.Name === Target);
      const full = network?.Spec.Name ?? Target ?? '';
      const isOwn = network?.Spec.Labels?.[NAMESPACE] === stack && full.startsWith(`${stack}_`);
      const name = isOwn ? shortName(stack, full) : full;
      if (!isOwn) used.set(name, { external: true });
      else if (network) {
        const { Driver, Options, Attachable, Internal, Labels } = network.Spec;
        used.set(
          name,
          trimmed({
            driver: Driver === 'overlay' ? undefined : Driver,
            driver_opts: Options,
            attachable: Attachable,
            internal: Internal,
            labels: withoutOwn(Labels),
          }),
        );
      }
      const own = shortName(stack, spec.Name ?? '');
      return [name, trimmed({ aliases: (Aliases ?? []).filter((alias) => alias !== own) })];
    }),
  );
}

function mountEntry(stack: string, mount: Mount, used: Map<string, Dict>): Dict {
  const type = mount.Type || 'volume';
  let source = mount.Source ?? undefined;
  if (type === 'volume' && source) {
    const isOwn = source.startsWith(`${stack}_`);
    const { Name, Options } = mount.VolumeOptions?.DriverConfig ?? {};
    source = isOwn ? shortName(stack, source) : source;
    used.set(source, isOwn ? trimmed({ driver: Name, driver_opts: Options }) : { external: true });
  }
  return trimmed({
    ...{ type, source, target: mount.Target, read_only: mount.ReadOnly },
    bind: mount.BindOptions?.Propagation && { propagation: mount.BindOptions.Propagation },
    volume: mount.VolumeOptions?.NoCopy && { nocopy: true },
    tmpfs: mount.TmpfsOptions?.SizeBytes && { size: mount.TmpfsOptions.SizeBytes },
  });
}

function healthEntry(health: ContainerSpec['Healthcheck']): Dict | undefined {
  if (!health) return undefined;
  const { Test, Interval, Timeout, Retries, StartPeriod } = health;
  if (Test?.[0] === 'NONE') return { disable: true };
  const time = (value: number | null | undefined) => (value ? seconds(value) : undefined);
  return trimmed({
    test: Test?.[0] === 'CMD-SHELL' && Test.length === 2 ? Test[1] : Test,
    ...{
      interval: time(Interval),
      timeout: time(Timeout),
      retries: Retries,
      start_period: time(StartPeriod),
    },
  });
}

function deployEntry({
  Mode,
  Labels,
  TaskTemplate,
  UpdateConfig,
  RollbackConfig,
  EndpointSpec,
}: ServiceSpec): Dict {
  const { Resources, RestartPolicy, Placement } = TaskTemplate ?? {};
  const job = Mode?.ReplicatedJob;
  const resources = (side: 'Limits' | 'Reservations') => {
    const value = Resources?.[side] as
      | { NanoCPUs?: number | null; MemoryBytes?: number | null; Pids?: number | null }
      | null
      | undefined;
    return trimmed({
      cpus: value?.NanoCPUs ? String(value.NanoCPUs / 1e9) : undefined,
      memory: value?.MemoryBytes ? String(value.MemoryBytes) : undefined,
      pids: value?.Pids || undefined,
    });
  };
  return trimmed({
    mode: Mode?.Global ? 'global' : Mode?.GlobalJob ? 'global-job' : job ? 'replicated-job' : undefined,
    replicas: job
      ? job.TotalCompletions
      : Mode?.Global || Mode?.GlobalJob
        ? undefined
        : (Mode?.Replicated?.Replicas ?? 1),
    labels: withoutOwn(Labels),
    endpoint_mode: EndpointSpec?.Mode === 'vip' ? undefined : EndpointSpec?.Mode,
    resources: trimmed({ limits: resources('Limits'), reservations: resources('Reservations') }),
    restart_policy:
      RestartPolicy &&
      trimmed({
        condition: RestartPolicy.Condition,
        delay: RestartPolicy.Delay == null ? undefined : seconds(RestartPolicy.Delay),
        max_attempts: RestartPolicy.MaxAttempts || undefined,
        window: RestartPolicy.Window ? seconds(RestartPolicy.Window) : undefined,
      }),
    placement: trimmed({
      constraints: Placement?.Constraints,
      preferences: (Placement?.Preferences ?? []).map(({ Spread }) => ({ spread: Spread?.SpreadDescriptor })),
      max_replicas_per_node: Placement?.MaxReplicas || undefined,
    }),
    update_config: updateEntry(UpdateConfig),
    rollback_config: updateEntry(RollbackConfig),
  });
}

function updateEntry(config: UpdateConfig | null | undefined): Dict | undefined {
  if (!config) return undefined;
  return trimmed({
    parallelism: config.Parallelism ?? undefined,
    delay: config.Delay ? seconds(config.Delay) : undefined,
    failure_action: config.FailureAction,
    monitor: config.Monitor ? seconds(config.Monitor) : undefined,
    max_failure_ratio: config.MaxFailureRatio || undefined,
    order: config.Order,
  });
}

function withoutOwn(labels: Record<string, string> | null | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels ?? {}).filter(([key]) => !key.startsWith('com.docker.stack.')),
  );
}

function seconds(nano: number): string {
  return nano % 1e9 === 0 ? `${nano / 1e9}s` : `${nano / 1e6}ms`;
}

/** Without what says nothing. */
function trimmed(fields: Dict): Dict {
  const says = (value: unknown): boolean =>
    value !== undefined &&
    value !== null &&
    value !== '' &&
    value !== false &&
    !(typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => says(value)));
}
