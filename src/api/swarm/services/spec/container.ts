/** The canonical form of a container spec; see service.ts. */
import { ApiError } from '../../../../model/errors.ts';
import type {
  ConfigReference,
  ContainerSpec,
  HealthConfig,
  Mount,
  SecretReference,
} from '../../../../model/spec.ts';
import { flag, list, map, number, optional, pointer, present, text } from '../../go-form.ts';

const MOUNT_TYPES = new Set(['bind', 'volume', 'tmpfs', 'npipe']);
const PROPAGATIONS = new Set(['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave']);

/** Throws ApiError 400. */
export function canonicalContainer(spec: ContainerSpec): ContainerSpec {
  return present({
    Image: text(spec.Image),
    Labels: map(spec.Labels),
    Command: list(spec.Command),
    Args: list(spec.Args),
    Hostname: text(spec.Hostname),
    Env: list(spec.Env),
    Dir: text(spec.Dir),
    User: text(spec.User),
    Groups: list(spec.Groups),
    Privileges: optional(spec.Privileges, privileges),
    Init: pointer(spec.Init),
    StopSignal: text(spec.StopSignal),
    TTY: flag(spec.TTY),
    OpenStdin: flag(spec.OpenStdin),
    ReadOnly: flag(spec.ReadOnly),
    Mounts: list(spec.Mounts?.map(mount)),
    StopGracePeriod: pointer(spec.StopGracePeriod),
    Healthcheck: optional(spec.Healthcheck, health),
    Hosts: list(spec.Hosts),
    DNSConfig: optional(spec.DNSConfig, ({ Nameservers, Search, Options }) =>
      present({ Nameservers: list(Nameservers), Search: list(Search), Options: list(Options) }),
    ),
    Secrets: list(spec.Secrets?.map(secretReference)),
    Configs: list(spec.Configs?.map(configReference)),
    Isolation: isolation(spec.Isolation),
    Sysctls: map(spec.Sysctls),
    CapabilityAdd: list(spec.CapabilityAdd),
    CapabilityDrop: list(spec.CapabilityDrop),
    Ulimits: list(
      spec.Ulimits?.map(({ Name, Hard, Soft }) => ({ Name: Name ?? '', Hard: Hard ?? 0, Soft: Soft ?? 0 })),
    ),
    OomScoreAdj: number(spec.OomScoreAdj),
  });
}

function isolation(value: string | null | undefined): string {
  const known = value?.toLowerCase();
  return known === 'hyperv' || known === 'process' ? known : 'default';
}

type Privileges = NonNullable<ContainerSpec['Privileges']>;

function privileges(spec: Privileges): Privileges {
  return present({
    CredentialSpec: optional(spec.CredentialSpec, credentialSpec) ?? null,
    SELinuxContext:
      optional(spec.SELinuxContext, ({ Disable, User, Role, Type, Level }) => ({
        Disable: Disable ?? false,
        User: User ?? '',
        Role: Role ?? '',
        Type: Type ?? '',
        Level: Level ?? '',
      })) ?? null,
    Seccomp: optional(spec.Seccomp, ({ Mode, Profile }) =>
      present({ Mode: text(Mode), Profile: base64(text(Profile)) }),
    ),
    AppArmor: optional(spec.AppArmor, ({ Mode }) => present({ Mode: text(Mode) })),
    NoNewPrivileges: spec.NoNewPrivileges ?? false,
  });
}

/** A profile is bytes. */
function base64(value: string | undefined): string | undefined {
  if (value === undefined || /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value))
    return value;
  const at = /^[A-Za-z0-9+/]*/.exec(value)![0].length;
  throw new ApiError(
    400,
    `invalid JSON: json: cannot unmarshal string into Go struct field ServiceSpec.TaskTemplate.ContainerSpec.Privileges.Seccomp.Profile of type []uint8: illegal base64 data at input byte ${at}`,
  );
}

type CredentialSpec = NonNullable<Privileges['CredentialSpec']>;

function credentialSpec({ Config, File, Registry }: CredentialSpec): CredentialSpec {
  const given = [Config && '"config"', File && '"file"', Registry && '"registry"'].filter(Boolean);
  const refuse = (why: string): never => {
    throw new ApiError(400, `invalid CredentialSpec: ${why}`);
  };
  if (given.length === 0) {
    refuse('must either provide "file", "registry", or "config" for credential spec');
  }
  if (given.length === 2) refuse(`cannot specify both ${given.join(' and ')} credential specs`);
  if (given.length === 3) {
    refuse(`cannot specify both ${given.slice(0, 2).join(', ')}, and ${given[2]} credential specs`);
  }
  return { Config: Config ?? '', File: File ?? '', Registry: Registry ?? '' };
}

function mount(spec: Mount): Mount {
  const type = spec.Type?.toLowerCase() || 'bind';
  if (!MOUNT_TYPES.has(type)) throw new ApiError(400, `invalid MountType: ${JSON.stringify(spec.Type)}`);
  return present({
    Type: type,
    Source: text(spec.Source),
    Target: text(spec.Target),
    ReadOnly: flag(spec.ReadOnly),
    BindOptions: optional(spec.BindOptions, bindOptions),
    VolumeOptions: optional(spec.VolumeOptions, (options) =>
      present({
        NoCopy: flag(options.NoCopy),
        Labels: map(options.Labels),
        DriverConfig: optional(options.DriverConfig, ({ Name, Options }) =>
          present({ Name: text(Name), Options: map(Options) }),
        ),
        Subpath: text(options.Subpath),
      }),
    ),
    TmpfsOptions: optional(spec.TmpfsOptions, ({ SizeBytes, Mode, Options }) =>
      present({ SizeBytes: number(SizeBytes), Mode: number(Mode), Options: list(Options) }),
    ),
    ClusterOptions: optional(spec.ClusterOptions, () => ({})),
  });
}

/** Options that say nothing are dropped. */
function bindOptions(options: NonNullable<Mount['BindOptions']>): Mount['BindOptions'] | undefined {
  const propagation = options.Propagation?.toLowerCase() ?? '';
  if (propagation !== '' && !PROPAGATIONS.has(propagation)) {
    throw new ApiError(400, `invalid MountPropagation: ${JSON.stringify(options.Propagation)}`);
  }
  const flags = present({
    NonRecursive: flag(options.NonRecursive),
    CreateMountpoint: flag(options.CreateMountpoint),
    ReadOnlyNonRecursive: flag(options.ReadOnlyNonRecursive),
    ReadOnlyForceRecursive: flag(options.ReadOnlyForceRecursive),
  });
  if (propagation === '' && Object.keys(flags).length === 0) return undefined;
  return { Propagation: propagation || 'rprivate', ...flags };
}

function health(spec: HealthConfig): HealthConfig {
  return present({
    Test: list(spec.Test),
    Interval: number(spec.Interval),
    Timeout: number(spec.Timeout),
    StartPeriod: number(spec.StartPeriod),
    StartInterval: number(spec.StartInterval),
    Retries: number(spec.Retries),
  });
}

type FileTarget = NonNullable<SecretReference['File']>;

function file({ Name, UID, GID, Mode }: FileTarget): FileTarget {
  return { Name: Name ?? '', UID: UID ?? '', GID: GID ?? '', Mode: Mode ?? 0 };
}

/** A reference without a file is kept, so that its absence can be told from an empty one. */
function secretReference({ File, SecretID, SecretName }: SecretReference): SecretReference {
  return present({
    File: optional(File, file),
    SecretID: SecretID ?? '',
    SecretName: SecretName ?? '',
  });
}

function configReference({ File, Runtime, ConfigID, ConfigName }: ConfigReference): ConfigReference {
  if (File && Runtime) throw new ApiError(400, 'invalid Config: cannot specify both File and Runtime');
  if (!File && !Runtime) throw new ApiError(400, 'invalid Config: either File or Runtime should be set');
  return present({
    File: optional(File, file),
    Runtime: optional(Runtime, () => ({})),
    ConfigID: ConfigID ?? '',
    ConfigName: ConfigName ?? '',
  });
}
