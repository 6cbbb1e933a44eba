/** A compose file made of what runs, for stacks that somebody else has deployed. Pure. */
import { Scalar, stringify } from 'yaml';
import type { Network, Service } from '../model/objects.ts';
import type { ContainerSpec, Mount, ServiceSpec } from '../model/spec.ts';
import { deployEntry, durationText, trimmed } from './export-deploy.ts';
import type { Dict } from './read.ts';
import { IMAGE, NAMESPACE } from './service.ts';
import { isImage, withoutDigest } from './unsaid.ts';

interface Used {
  stack: string;
  networks: Section;
  volumes: Section;
  secrets: Section;
  configs: Section;
}

/**
 * The text of a compose file that stands for these services: deployed as it is, it changes none of their tasks.
 * `networks`: all of the swarm's, by id and name.
 */
export function exported(stack: string, services: readonly Service[], networks: readonly Network[]): string {
  const used: Used = {
    stack,
    networks: new Section(),
    volumes: new Section(),
    secrets: new Section(),
    configs: new Section(),
  };
  const isNamed = ({ Spec }: Service): boolean => Spec.Name?.startsWith(`${stack}_`) === true;
  const entries = services
    .filter(isNamed)
    .map(({ Spec }) => [shortName(stack, Spec.Name!), serviceEntry(Spec, networks, used)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const document = {
    services: Object.fromEntries(entries),
    networks: used.networks.entries(),
    volumes: used.volumes.entries(),
    // What is in them stays where it is.
    secrets: used.secrets.entries(),
    configs: used.configs.entries(),
  };
  const kept = Object.fromEntries(
    Object.entries(document).filter(([, value]) => Object.keys(value).length > 0),
  );
  const others = services
    .filter((each) => !isNamed(each))
    .map(({ Spec }) => `# ${Spec.Name} is not in it: only what is named ${stack}_… can be deployed by it.\n`);
  const head = `# Made of what runs: this stack was not deployed from here.\n${others.join('')}`;
  return head + stringify(escaped(kept), { lineWidth: 0 });
}

/** One of the file's sections: what it names, each under a key of its own. */
class Section {
  readonly #entries = new Map<string, { full: string; entry: Dict }>();

  /** The key of what is called `full` in the swarm: `wanted`, or one like it that is free. */
  key(full: string, wanted: string, entry: (key: string) => Dict): string {
    let key = wanted;
    for (let n = 2; this.#entries.has(key) && this.#entries.get(key)!.full !== full; n++)
      key = `${wanted}-${n}`;
    if (!this.#entries.has(key)) this.#entries.set(key, { full, entry: entry(key) });
    return key;
  }

  entries(): Dict {
    return Object.fromEntries([...this.#entries].map(([key, { entry }]) => [key, entry]));
  }
}

/** Something that has to be there, by its name in the swarm. */
const external = (full: string) => (key: string) => ({ external: true, ...(key !== full && { name: full }) });

/** A dollar is no variable here. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return scalar(value.replaceAll('$', '$$$$'));
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, escaped(each)]));
}

/** In blocks the library loses blanks at the beginning and at the ends of lines. */
function scalar(text: string): unknown {
  if (!/\n/.test(text) || !/^\s|[ \t]$/m.test(text)) return text;
  const quoted = new Scalar(text);
  quoted.type = Scalar.QUOTE_DOUBLE;
  return quoted;
}

function shortName(stack: string, name: string): string {
  return name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
}

function serviceEntry(spec: ServiceSpec, networks: readonly Network[], used: Used): Dict {
  const task = spec.TaskTemplate ?? {};
  const container: ContainerSpec = task.ContainerSpec ?? {};
  const { Nameservers, Search, Options } = container.DNSConfig ?? {};
  const running = container.Image ?? '';
  const labelled = spec.Labels?.[IMAGE];
  return {
    ...trimmed({
      image: labelled && isImage(labelled, running) ? labelled : withoutDigest(running),
      entrypoint: container.Command,
      command: container.Args,
      hostname: container.Hostname,
      user: container.User,
      group_add: container.Groups,
      working_dir: container.Dir,
      environment: container.Env,
      labels: withoutOwn(container.Labels),
      tty: container.TTY,
      stdin_open: container.OpenStdin,
      read_only: container.ReadOnly,
      stop_signal: container.StopSignal,
      stop_grace_period:
        container.StopGracePeriod == null ? undefined : durationText(container.StopGracePeriod),
      isolation: container.Isolation === 'default' ? undefined : container.Isolation,
      credential_spec: trimmed({ ...lowered(container.Privileges?.CredentialSpec) }),
      cap_add: container.CapabilityAdd,
      cap_drop: container.CapabilityDrop,
      sysctls: container.Sysctls,
      ulimits: Object.fromEntries(
        (container.Ulimits ?? []).map(({ Name, Soft, Hard }) => [Name, { soft: Soft, hard: Hard }]),
      ),
      ...{ dns: Nameservers, dns_search: Search, dns_opt: Options },
      extra_hosts: (container.Hosts ?? []).flatMap((line) => {
        const [address, ...hosts] = line.split(' ');
        return hosts.map((host) => `${host}:${address}`);
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
      volumes: (container.Mounts ?? []).map((mount) => mountEntry(mount, used)),
      networks: networkEntries(spec, networks, used),
      secrets: (container.Secrets ?? []).map(({ File, SecretName }) =>
        fileEntry(SecretName ?? '', File, used.secrets),
      ),
      configs: (container.Configs ?? [])
        .filter(({ Runtime }) => !Runtime)
        .map(({ File, ConfigName }) => fileEntry(ConfigName ?? '', File, used.configs)),
      deploy: deployEntry(spec, withoutOwn(spec.Labels)),
    }),
    // That there is none is something that is said.
    ...(container.Init != null && { init: container.Init }),
  };
}

type File = {
  Name?: string | null;
  UID?: string | null;
  GID?: string | null;
  Mode?: number | null;
};

function fileEntry(name: string, file: File | null | undefined, into: Section): unknown {
  const key = into.key(name, name, external(name));
  const { Name, UID, GID, Mode } = file ?? {};
  const isPlain = Name === key && (UID || '0') === '0' && (GID || '0') === '0' && (Mode ?? 0o444) === 0o444;
  return isPlain ? key : { source: key, target: Name ?? '', uid: UID ?? '', gid: GID ?? '', mode: Mode ?? 0 };
}

function lowered(credential: NonNullable<ContainerSpec['Privileges']>['CredentialSpec']): Dict | undefined {
  return credential
    ? { file: credential.File, registry: credential.Registry, config: credential.Config }
    : undefined;
}

function networkEntries(
  spec: ServiceSpec,
  networks: readonly Network[],
  { stack, networks: used }: Used,
): Dict {
  const list = [...(spec.TaskTemplate?.Networks ?? []), ...(spec.Networks ?? [])];
  const own = shortName(stack, spec.Name ?? '');
  return Object.fromEntries(
    list.map(({ Target, Aliases }) => {
      const network = networks.find(({ ID, Spec }) => ID === Target || Spec.Name === Target);
      const full = network?.Spec.Name ?? Target ?? '';
      const isOwn = network?.Spec.Labels?.[NAMESPACE] === stack;
      const key = used.key(full, isOwn ? shortName(stack, full) : full, (key) =>
        isOwn ? networkEntry(network, `${stack}_${key}`) : external(full)(key),
      );
      return [key, trimmed({ aliases: (Aliases ?? []).filter((alias) => alias !== own) })];
    }),
  );
}

function networkEntry({ Spec }: Network, usual: string): Dict {
  const { Name, Driver, Options, Attachable, Internal, EnableIPv6, IPAM, Labels } = Spec;
  return trimmed({
    name: Name === usual ? undefined : Name,
    driver: Driver === 'overlay' ? undefined : Driver,
    driver_opts: Options,
    attachable: Attachable,
    internal: Internal,
    enable_ipv6: EnableIPv6,
    ipam: trimmed({
      driver: IPAM?.Driver === 'default' ? undefined : IPAM?.Driver,
      config: (IPAM?.Config ?? []).map(({ Subnet, Gateway, IPRange }) =>
        trimmed({ subnet: Subnet, gateway: Gateway, ip_range: IPRange }),
      ),
    }),
    labels: withoutOwn(Labels),
  });
}

function mountEntry(mount: Mount, { stack, volumes }: Used): Dict {
  const type = mount.Type || 'bind';
  let source = mount.Source ?? undefined;
  if (type === 'volume' && source) {
    const full = source;
    const { DriverConfig, Labels } = mount.VolumeOptions ?? {};
    const isOwn = Labels?.[NAMESPACE] === stack;
    source = volumes.key(full, isOwn ? shortName(stack, full) : full, (key) =>
      isOwn
        ? trimmed({
            name: full === `${stack}_${key}` ? undefined : full,
            ...{ driver: DriverConfig?.Name, driver_opts: DriverConfig?.Options },
            labels: withoutOwn(Labels),
          })
        : external(full)(key),
    );
  }
  const { NoCopy, Subpath } = mount.VolumeOptions ?? {};
  return trimmed({
    ...{ type, source, target: mount.Target, read_only: mount.ReadOnly },
    bind: mount.BindOptions?.Propagation && { propagation: mount.BindOptions.Propagation },
    volume: trimmed({ nocopy: NoCopy, subpath: Subpath }),
    tmpfs: mount.TmpfsOptions?.SizeBytes && { size: mount.TmpfsOptions.SizeBytes },
  });
}

function healthEntry(health: ContainerSpec['Healthcheck']): Dict | undefined {
  if (!health) return undefined;
  const { Test, Interval, Timeout, Retries, StartPeriod, StartInterval } = health;
  const time = (value: number | null | undefined) => (value ? durationText(value) : undefined);
  const rest = trimmed({
    ...{ interval: time(Interval), timeout: time(Timeout), retries: Retries },
    ...{ start_period: time(StartPeriod), start_interval: time(StartInterval) },
  });
  if (Test?.[0] === 'NONE' && Object.keys(rest).length === 0) return { disable: true };
  return trimmed({ test: Test?.[0] === 'CMD-SHELL' && Test.length === 2 ? Test[1] : Test, ...rest });
}

/** Without what a deployment puts in. */
function withoutOwn(labels: Record<string, string> | null | undefined): Dict {
  return Object.fromEntries(
    Object.entries(labels ?? {}).filter(([key]) => key !== NAMESPACE && key !== IMAGE),
  );
}
