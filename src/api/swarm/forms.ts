/** Objects as the API shows them: the fields of Docker's API in its order, without what is the cluster's own. */
import type { Cluster, Config, Meta, Node, Secret, Service } from '../../model/objects.ts';
import type { ClusterSpec, Driver } from '../../model/spec.ts';
import { labels, list, map, number, optional, present, text } from './go-form.ts';
import { withDefaults } from './service-defaults.ts';

function meta({ ID, Version, CreatedAt, UpdatedAt }: Meta): Meta {
  return { ID, Version: { Index: Version.Index }, CreatedAt, UpdatedAt };
}

/** Without join tokens, as /info shows it. */
export function clusterForm(cluster: Cluster): object {
  const { TLSInfo, RootRotationInProgress, DefaultAddrPool, SubnetSize, DataPathPort } = cluster;
  return {
    ...meta(cluster),
    Spec: clusterSpecForm(cluster.Spec),
    TLSInfo,
    RootRotationInProgress,
    DefaultAddrPool: list(DefaultAddrPool) ?? null,
    SubnetSize,
    DataPathPort,
  };
}

/**
 * A whole spec: what is not said is zero, as a client that posts one means it. Signing certificates and keys are never
 * shown.
 */
function clusterSpecForm(spec: ClusterSpec): ClusterSpec {
  const { Orchestration, Raft, Dispatcher, CAConfig, TaskDefaults, EncryptionConfig } = spec;
  return present({
    Name: text(spec.Name),
    Labels: labels(spec.Labels),
    Orchestration: { TaskHistoryRetentionLimit: Orchestration?.TaskHistoryRetentionLimit ?? 0 },
    Raft: present({
      SnapshotInterval: number(Raft?.SnapshotInterval),
      KeepOldSnapshots: Raft?.KeepOldSnapshots ?? 0,
      LogEntriesForSlowFollowers: number(Raft?.LogEntriesForSlowFollowers),
      ElectionTick: Raft?.ElectionTick ?? 0,
      HeartbeatTick: Raft?.HeartbeatTick ?? 0,
    }),
    Dispatcher: present({ HeartbeatPeriod: number(Dispatcher?.HeartbeatPeriod) }),
    CAConfig: present({
      NodeCertExpiry: number(CAConfig?.NodeCertExpiry),
      ForceRotate: number(CAConfig?.ForceRotate),
    }),
    TaskDefaults: present({ LogDriver: optional(TaskDefaults?.LogDriver, driver) }),
    EncryptionConfig: { AutoLockManagers: EncryptionConfig?.AutoLockManagers ?? false },
  });
}

export function nodeForm(node: Node): object {
  const { Description, Status, ManagerStatus } = node;
  const { State, Message, Addr } = Status;
  const { Hostname, Platform, Resources, Engine, TLSInfo } = Description ?? {};
  return present({
    ...meta(node),
    Spec: present({
      Name: text(node.Spec.Name),
      Labels: labels(node.Spec.Labels),
      Role: node.Spec.Role,
      Availability: node.Spec.Availability,
    }),
    Description: present({
      Hostname: text(Hostname),
      Platform: present({ Architecture: text(Platform?.Architecture), OS: text(Platform?.OS) }),
      Resources: present({
        NanoCPUs: Resources?.NanoCPUs,
        MemoryBytes: Resources?.MemoryBytes,
        GenericResources: list(Resources?.GenericResources),
      }),
      Engine: present({
        EngineVersion: text(Engine?.EngineVersion),
        Labels: map(Engine?.Labels),
        Plugins: list(Engine?.Plugins),
      }),
      TLSInfo: TLSInfo ?? {},
    }),
    Status: present({ State, Message: text(Message), Addr: text(Addr) }),
    ManagerStatus: optional(ManagerStatus, ({ Leader, Reachability, Addr: address }) =>
      present({ Leader: Leader || undefined, Reachability, Addr: address }),
    ),
  });
}

export interface ServiceStatus {
  RunningTasks: number;
  DesiredTasks: number;
  CompletedTasks: number;
}

export function serviceForm(
  service: Service,
  options: { insertDefaults?: boolean; status?: ServiceStatus } = {},
): object {
  const { Spec, PreviousSpec, Endpoint, UpdateStatus, JobStatus } = service;
  return present({
    ...meta(service),
    Spec: options.insertDefaults ? withDefaults(Spec) : Spec,
    PreviousSpec,
    Endpoint: present({
      Spec: Endpoint.Spec,
      Ports: list(Endpoint.Ports),
      VirtualIPs: list(Endpoint.VirtualIPs),
    }),
    UpdateStatus: optional(UpdateStatus, ({ State, StartedAt, CompletedAt, Message }) =>
      present({ State, StartedAt, CompletedAt, Message: text(Message) }),
    ),
    ServiceStatus: options.status,
    JobStatus: optional(JobStatus, ({ JobIteration, LastExecution }) => ({
      JobIteration: iterationForm(JobIteration),
      LastExecution,
    })),
  });
}

/** The first iteration is number zero, which is not said. */
export function iterationForm({ Index }: { Index: number }): { Index?: number } {
  return present({ Index: number(Index) });
}

/** Without its data, which is never shown. */
export function secretForm(secret: Secret): object {
  const { Name, Labels, Driver, Templating } = secret.Spec;
  return {
    ...meta(secret),
    Spec: present({
      Name,
      Labels: labels(Labels),
      Driver: optional(Driver, driver),
      Templating: optional(Templating, driver),
    }),
  };
}

export function configForm(config: Config): object {
  const { Name, Labels, Data, Templating } = config.Spec;
  return {
    ...meta(config),
    Spec: present({ Name, Labels: labels(Labels), Data, Templating: optional(Templating, driver) }),
  };
}

function driver({ Name, Options }: Driver): Driver {
  return present({ Name: text(Name), Options: map(Options) });
}
