/**
 * What users write: the specs of the Docker Engine API, one schema each. The TypeScript types are derived from the
 * schemas, so there is one description of each object. A spec is stored exactly as it was received; defaults are
 * applied where it is read (defaults.ts).
 *
 * Go clients send `null` for an empty list or pointer, so every optional field also takes null.
 */
import Type, { type Static, type TSchema } from 'typebox';

const opt = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const str = () => opt(Type.String());
const int = () => opt(Type.Integer());
const num = () => opt(Type.Number());
const bool = () => opt(Type.Boolean());
const strings = () => opt(Type.Array(Type.String()));
const stringMap = () => opt(Type.Record(Type.String(), Type.String()));

export const Driver = Type.Object({ Name: str(), Options: stringMap() });
export type Driver = Static<typeof Driver>;

/** Durations in specs are whole nanoseconds. */
export const HealthConfig = Type.Object({
  Test: strings(),
  Interval: int(),
  Timeout: int(),
  Retries: int(),
  StartPeriod: int(),
  StartInterval: int(),
});
export type HealthConfig = Static<typeof HealthConfig>;

export const Mount = Type.Object({
  Type: str(),
  Source: str(),
  Target: str(),
  ReadOnly: bool(),
  Consistency: str(),
  BindOptions: opt(
    Type.Object({
      Propagation: str(),
      NonRecursive: bool(),
      CreateMountpoint: bool(),
      ReadOnlyNonRecursive: bool(),
      ReadOnlyForceRecursive: bool(),
    }),
  ),
  VolumeOptions: opt(
    Type.Object({
      NoCopy: bool(),
      Labels: stringMap(),
      DriverConfig: opt(Driver),
      Subpath: str(),
    }),
  ),
  ImageOptions: opt(Type.Object({ Subpath: str() })),
  TmpfsOptions: opt(
    Type.Object({ SizeBytes: int(), Mode: int(), Options: opt(Type.Array(Type.Array(Type.String()))) }),
  ),
  ClusterOptions: opt(Type.Object({})),
});
export type Mount = Static<typeof Mount>;

const FileTarget = Type.Object({ Name: str(), UID: str(), GID: str(), Mode: int() });

export const SecretReference = Type.Object({ File: opt(FileTarget), SecretID: str(), SecretName: str() });
export type SecretReference = Static<typeof SecretReference>;

export const ConfigReference = Type.Object({
  File: opt(FileTarget),
  Runtime: opt(Type.Object({})),
  ConfigID: str(),
  ConfigName: str(),
});
export type ConfigReference = Static<typeof ConfigReference>;

export const Privileges = Type.Object({
  CredentialSpec: opt(Type.Object({ Config: str(), File: str(), Registry: str() })),
  SELinuxContext: opt(Type.Object({ Disable: bool(), User: str(), Role: str(), Type: str(), Level: str() })),
  Seccomp: opt(Type.Object({ Mode: str(), Profile: str() })),
  AppArmor: opt(Type.Object({ Mode: str() })),
  NoNewPrivileges: bool(),
});

export const ContainerSpec = Type.Object({
  Image: str(),
  Labels: stringMap(),
  Command: strings(),
  Args: strings(),
  Hostname: str(),
  Env: strings(),
  Dir: str(),
  User: str(),
  Groups: strings(),
  Privileges: opt(Privileges),
  Init: bool(),
  StopSignal: str(),
  TTY: bool(),
  OpenStdin: bool(),
  ReadOnly: bool(),
  Mounts: opt(Type.Array(Mount)),
  StopGracePeriod: int(),
  Healthcheck: opt(HealthConfig),
  Hosts: strings(),
  DNSConfig: opt(Type.Object({ Nameservers: strings(), Search: strings(), Options: strings() })),
  Secrets: opt(Type.Array(SecretReference)),
  Configs: opt(Type.Array(ConfigReference)),
  OomScoreAdj: int(),
  Isolation: str(),
  Sysctls: stringMap(),
  CapabilityAdd: strings(),
  CapabilityDrop: strings(),
  Ulimits: opt(Type.Array(Type.Object({ Name: str(), Soft: int(), Hard: int() }))),
});
export type ContainerSpec = Static<typeof ContainerSpec>;

export const GenericResource = Type.Object({
  NamedResourceSpec: opt(Type.Object({ Kind: str(), Value: str() })),
  DiscreteResourceSpec: opt(Type.Object({ Kind: str(), Value: int() })),
});
export type GenericResource = Static<typeof GenericResource>;

export const Resources = Type.Object({
  Limits: opt(Type.Object({ NanoCPUs: int(), MemoryBytes: int(), Pids: int() })),
  Reservations: opt(
    Type.Object({ NanoCPUs: int(), MemoryBytes: int(), GenericResources: opt(Type.Array(GenericResource)) }),
  ),
});
export type Resources = Static<typeof Resources>;

/** Condition: none | on-failure | any ('' and absent mean any). Delay and Window in nanoseconds. */
export const RestartPolicy = Type.Object({
  Condition: str(),
  Delay: int(),
  MaxAttempts: int(),
  Window: int(),
});
export type RestartPolicy = Static<typeof RestartPolicy>;

export const Platform = Type.Object({ Architecture: str(), OS: str() });
export type Platform = Static<typeof Platform>;

export const Placement = Type.Object({
  Constraints: strings(),
  Preferences: opt(Type.Array(Type.Object({ Spread: opt(Type.Object({ SpreadDescriptor: str() })) }))),
  MaxReplicas: int(),
  Platforms: opt(Type.Array(Platform)),
});
export type Placement = Static<typeof Placement>;

export const NetworkAttachmentConfig = Type.Object({
  Target: str(),
  Aliases: strings(),
  DriverOpts: stringMap(),
});
export type NetworkAttachmentConfig = Static<typeof NetworkAttachmentConfig>;

export const TaskSpec = Type.Object({
  PluginSpec: opt(Type.Object({})),
  ContainerSpec: opt(ContainerSpec),
  NetworkAttachmentSpec: opt(Type.Object({ ContainerID: str() })),
  Resources: opt(Resources),
  RestartPolicy: opt(RestartPolicy),
  Placement: opt(Placement),
  ForceUpdate: int(),
  Runtime: str(),
  Networks: opt(Type.Array(NetworkAttachmentConfig)),
  LogDriver: opt(Driver),
});
export type TaskSpec = Static<typeof TaskSpec>;

/** FailureAction: pause | continue | rollback. Order: stop-first | start-first. Delay, Monitor in nanoseconds. */
export const UpdateConfig = Type.Object({
  Parallelism: int(),
  Delay: int(),
  FailureAction: str(),
  Monitor: int(),
  MaxFailureRatio: num(),
  Order: str(),
});
export type UpdateConfig = Static<typeof UpdateConfig>;

export const PortConfig = Type.Object({
  Name: str(),
  Protocol: str(),
  TargetPort: int(),
  PublishedPort: int(),
  PublishMode: str(),
});
export type PortConfig = Static<typeof PortConfig>;

export const EndpointSpec = Type.Object({ Mode: str(), Ports: opt(Type.Array(PortConfig)) });
export type EndpointSpec = Static<typeof EndpointSpec>;

/** Exactly one of the modes is set; none means Replicated with one replica. */
export const ServiceMode = Type.Object({
  Replicated: opt(Type.Object({ Replicas: int() })),
  Global: opt(Type.Object({})),
  ReplicatedJob: opt(Type.Object({ MaxConcurrent: int(), TotalCompletions: int() })),
  GlobalJob: opt(Type.Object({})),
});
export type ServiceMode = Static<typeof ServiceMode>;

export const ServiceSpec = Type.Object({
  Name: str(),
  Labels: stringMap(),
  TaskTemplate: opt(TaskSpec),
  Mode: opt(ServiceMode),
  UpdateConfig: opt(UpdateConfig),
  RollbackConfig: opt(UpdateConfig),
  /** Before API 1.44 clients put the networks here instead of in TaskTemplate. */
  Networks: opt(Type.Array(NetworkAttachmentConfig)),
  EndpointSpec: opt(EndpointSpec),
});
export type ServiceSpec = Static<typeof ServiceSpec>;

/** Role: worker | manager. Availability: active | pause | drain. */
export const NodeSpec = Type.Object({ Name: str(), Labels: stringMap(), Role: str(), Availability: str() });
export type NodeSpec = Static<typeof NodeSpec>;

export const SecretSpec = Type.Object({
  Name: str(),
  Labels: stringMap(),
  Data: str(),
  Driver: opt(Driver),
  Templating: opt(Driver),
});
export type SecretSpec = Static<typeof SecretSpec>;

export const ConfigSpec = Type.Object({
  Name: str(),
  Labels: stringMap(),
  Data: str(),
  Templating: opt(Driver),
});
export type ConfigSpec = Static<typeof ConfigSpec>;

/** The cluster's own settings (`docker swarm update`). Periods and expiries in nanoseconds. */
export const ClusterSpec = Type.Object({
  Name: str(),
  Labels: stringMap(),
  Orchestration: opt(Type.Object({ TaskHistoryRetentionLimit: int() })),
  Raft: opt(
    Type.Object({
      SnapshotInterval: int(),
      KeepOldSnapshots: int(),
      LogEntriesForSlowFollowers: int(),
      ElectionTick: int(),
      HeartbeatTick: int(),
    }),
  ),
  Dispatcher: opt(Type.Object({ HeartbeatPeriod: int() })),
  CAConfig: opt(
    Type.Object({
      NodeCertExpiry: int(),
      ExternalCAs: opt(Type.Array(Type.Object({}))),
      SigningCACert: str(),
      SigningCAKey: str(),
      ForceRotate: int(),
    }),
  ),
  EncryptionConfig: opt(Type.Object({ AutoLockManagers: bool() })),
  TaskDefaults: opt(Type.Object({ LogDriver: opt(Driver) })),
});
export type ClusterSpec = Static<typeof ClusterSpec>;

export const IPAMConfig = Type.Object({
  Subnet: str(),
  IPRange: str(),
  Gateway: str(),
  AuxiliaryAddresses: stringMap(),
});
export type IPAMConfig = Static<typeof IPAMConfig>;

/** The body of POST /networks/create. */
export const NetworkSpec = Type.Object({
  Name: str(),
  Driver: str(),
  Scope: str(),
  Internal: bool(),
  Attachable: bool(),
  Ingress: bool(),
  ConfigOnly: bool(),
  ConfigFrom: opt(Type.Object({ Network: str() })),
  EnableIPv4: bool(),
  EnableIPv6: bool(),
  IPAM: opt(Type.Object({ Driver: str(), Options: stringMap(), Config: opt(Type.Array(IPAMConfig)) })),
  Options: stringMap(),
  Labels: stringMap(),
  CheckDuplicate: bool(),
});
export type NetworkSpec = Static<typeof NetworkSpec>;
