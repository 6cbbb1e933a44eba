/**
 * What users write: the specs of the Docker Engine API, one schema each. The TypeScript types are derived from the
 * schemas, so there is one description of each object. A spec is stored exactly as it was received; defaults are
 * applied where it is read (defaults.ts).
 */
import {
  array,
  boolean,
  integer,
  map,
  number,
  object,
  optional as opt,
  type Static,
  text,
} from './schema.ts';

const str = () => opt(text());
const int = () => opt(integer());
const num = () => opt(number());
const bool = () => opt(boolean());
const strings = () => opt(array(text()));
const stringMap = () => opt(map(text()));

export const Driver = object({ Name: str(), Options: stringMap() });
export type Driver = Static<typeof Driver>;

/** Durations in specs are whole nanoseconds. */
export const HealthConfig = object({
  Test: strings(),
  Interval: int(),
  Timeout: int(),
  Retries: int(),
  StartPeriod: int(),
  StartInterval: int(),
});
export type HealthConfig = Static<typeof HealthConfig>;

export const Mount = object({
  Type: str(),
  Source: str(),
  Target: str(),
  ReadOnly: bool(),
  Consistency: str(),
  BindOptions: opt(
    object({
      Propagation: str(),
      NonRecursive: bool(),
      CreateMountpoint: bool(),
      ReadOnlyNonRecursive: bool(),
      ReadOnlyForceRecursive: bool(),
    }),
  ),
  VolumeOptions: opt(
    object({
      NoCopy: bool(),
      Labels: stringMap(),
      DriverConfig: opt(Driver),
      Subpath: str(),
    }),
  ),
  ImageOptions: opt(object({ Subpath: str() })),
  TmpfsOptions: opt(object({ SizeBytes: int(), Mode: int(), Options: opt(array(array(text()))) })),
  ClusterOptions: opt(object({})),
});
export type Mount = Static<typeof Mount>;

const FileTarget = object({ Name: str(), UID: str(), GID: str(), Mode: int() });

export const SecretReference = object({ File: opt(FileTarget), SecretID: str(), SecretName: str() });
export type SecretReference = Static<typeof SecretReference>;

export const ConfigReference = object({
  File: opt(FileTarget),
  Runtime: opt(object({})),
  ConfigID: str(),
  ConfigName: str(),
});
export type ConfigReference = Static<typeof ConfigReference>;

export const Privileges = object({
  CredentialSpec: opt(object({ Config: str(), File: str(), Registry: str() })),
  SELinuxContext: opt(object({ Disable: bool(), User: str(), Role: str(), Type: str(), Level: str() })),
  Seccomp: opt(object({ Mode: str(), Profile: str() })),
  AppArmor: opt(object({ Mode: str() })),
  NoNewPrivileges: bool(),
});

export const ContainerSpec = object({
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
  Mounts: opt(array(Mount)),
  StopGracePeriod: int(),
  Healthcheck: opt(HealthConfig),
  Hosts: strings(),
  DNSConfig: opt(object({ Nameservers: strings(), Search: strings(), Options: strings() })),
  Secrets: opt(array(SecretReference)),
  Configs: opt(array(ConfigReference)),
  OomScoreAdj: int(),
  Isolation: str(),
  Sysctls: stringMap(),
  CapabilityAdd: strings(),
  CapabilityDrop: strings(),
  Ulimits: opt(array(object({ Name: str(), Soft: int(), Hard: int() }))),
});
export type ContainerSpec = Static<typeof ContainerSpec>;

export const GenericResource = object({
  NamedResourceSpec: opt(object({ Kind: str(), Value: str() })),
  DiscreteResourceSpec: opt(object({ Kind: str(), Value: int() })),
});
export type GenericResource = Static<typeof GenericResource>;

export const Resources = object({
  Limits: opt(object({ NanoCPUs: int(), MemoryBytes: int(), Pids: int() })),
  Reservations: opt(
    object({ NanoCPUs: int(), MemoryBytes: int(), GenericResources: opt(array(GenericResource)) }),
  ),
  SwapBytes: int(),
  MemorySwappiness: int(),
});
export type Resources = Static<typeof Resources>;

/** Condition: none | on-failure | any ('' and absent mean any). Delay and Window in nanoseconds. */
export const RestartPolicy = object({
  Condition: str(),
  Delay: int(),
  MaxAttempts: int(),
  Window: int(),
});
export type RestartPolicy = Static<typeof RestartPolicy>;

export const Platform = object({ Architecture: str(), OS: str() });
export type Platform = Static<typeof Platform>;

export const Placement = object({
  Constraints: strings(),
  Preferences: opt(array(object({ Spread: opt(object({ SpreadDescriptor: str() })) }))),
  MaxReplicas: int(),
  Platforms: opt(array(Platform)),
});
export type Placement = Static<typeof Placement>;

export const NetworkAttachmentConfig = object({
  Target: str(),
  Aliases: strings(),
  DriverOpts: stringMap(),
});
export type NetworkAttachmentConfig = Static<typeof NetworkAttachmentConfig>;

export const TaskSpec = object({
  PluginSpec: opt(object({})),
  ContainerSpec: opt(ContainerSpec),
  NetworkAttachmentSpec: opt(object({ ContainerID: str() })),
  Resources: opt(Resources),
  RestartPolicy: opt(RestartPolicy),
  Placement: opt(Placement),
  ForceUpdate: int(),
  Runtime: str(),
  Networks: opt(array(NetworkAttachmentConfig)),
  LogDriver: opt(Driver),
});
export type TaskSpec = Static<typeof TaskSpec>;

/** FailureAction: pause | continue | rollback. Order: stop-first | start-first. Delay, Monitor in nanoseconds. */
export const UpdateConfig = object({
  Parallelism: int(),
  Delay: int(),
  FailureAction: str(),
  Monitor: int(),
  MaxFailureRatio: num(),
  Order: str(),
});
export type UpdateConfig = Static<typeof UpdateConfig>;

export const PortConfig = object({
  Name: str(),
  Protocol: str(),
  TargetPort: int(),
  PublishedPort: int(),
  PublishMode: str(),
});
export type PortConfig = Static<typeof PortConfig>;

export const EndpointSpec = object({ Mode: str(), Ports: opt(array(PortConfig)) });
export type EndpointSpec = Static<typeof EndpointSpec>;

/** Exactly one of the modes is set; none means Replicated with one replica. */
export const ServiceMode = object({
  Replicated: opt(object({ Replicas: int() })),
  Global: opt(object({})),
  ReplicatedJob: opt(object({ MaxConcurrent: int(), TotalCompletions: int() })),
  GlobalJob: opt(object({})),
});
export type ServiceMode = Static<typeof ServiceMode>;

export const ServiceSpec = object({
  Name: str(),
  Labels: stringMap(),
  TaskTemplate: opt(TaskSpec),
  Mode: opt(ServiceMode),
  UpdateConfig: opt(UpdateConfig),
  RollbackConfig: opt(UpdateConfig),
  /** Before API 1.44 clients put the networks here instead of in TaskTemplate; `taskTemplate` has them in any case. */
  Networks: opt(array(NetworkAttachmentConfig)),
  EndpointSpec: opt(EndpointSpec),
});
export type ServiceSpec = Static<typeof ServiceSpec>;

/** Role: worker | manager. Availability: active | pause | drain. */
export const NodeSpec = object({ Name: str(), Labels: stringMap(), Role: str(), Availability: str() });
export type NodeSpec = Static<typeof NodeSpec>;

export const SecretSpec = object({
  Name: str(),
  Labels: stringMap(),
  Data: str(),
  Driver: opt(Driver),
  Templating: opt(Driver),
});
export type SecretSpec = Static<typeof SecretSpec>;

export const ConfigSpec = object({
  Name: str(),
  Labels: stringMap(),
  Data: str(),
  Templating: opt(Driver),
});
export type ConfigSpec = Static<typeof ConfigSpec>;

/** The cluster's own settings (`docker swarm update`). Periods and expiries in nanoseconds. */
export const ClusterSpec = object({
  Name: str(),
  Labels: stringMap(),
  Orchestration: opt(object({ TaskHistoryRetentionLimit: int() })),
  Raft: opt(
    object({
      SnapshotInterval: int(),
      KeepOldSnapshots: int(),
      LogEntriesForSlowFollowers: int(),
      ElectionTick: int(),
      HeartbeatTick: int(),
    }),
  ),
  Dispatcher: opt(object({ HeartbeatPeriod: int() })),
  CAConfig: opt(
    object({
      NodeCertExpiry: int(),
      ExternalCAs: opt(array(object({ Protocol: str(), URL: str(), Options: stringMap(), CACert: str() }))),
      SigningCACert: str(),
      SigningCAKey: str(),
      ForceRotate: int(),
    }),
  ),
  EncryptionConfig: opt(object({ AutoLockManagers: bool() })),
  TaskDefaults: opt(object({ LogDriver: opt(Driver) })),
});
export type ClusterSpec = Static<typeof ClusterSpec>;
export type ExternalCA = NonNullable<NonNullable<ClusterSpec['CAConfig']>['ExternalCAs']>[number];

export const IPAMConfig = object({
  Subnet: str(),
  IPRange: str(),
  Gateway: str(),
  AuxiliaryAddresses: stringMap(),
});
export type IPAMConfig = Static<typeof IPAMConfig>;

/** The body of POST /networks/create. */
export const NetworkSpec = object({
  Name: str(),
  Driver: str(),
  Scope: str(),
  Internal: bool(),
  Attachable: bool(),
  Ingress: bool(),
  ConfigOnly: bool(),
  ConfigFrom: opt(object({ Network: str() })),
  EnableIPv4: bool(),
  EnableIPv6: bool(),
  IPAM: opt(object({ Driver: str(), Options: stringMap(), Config: opt(array(IPAMConfig)) })),
  Options: stringMap(),
  Labels: stringMap(),
  CheckDuplicate: bool(),
});
export type NetworkSpec = Static<typeof NetworkSpec>;
