/** The cluster as the API shows it. */
import type { Cluster } from '../../../model/objects.ts';
import type { ClusterSpec, ExternalCA } from '../../../model/spec.ts';
import { labels, list, number, optional, present, text } from '../go-form.ts';
import { driver, meta } from '../object-form.ts';

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
      ExternalCAs: list(CAConfig?.ExternalCAs)?.map(externalForm),
      ForceRotate: number(CAConfig?.ForceRotate),
    }),
    TaskDefaults: present({ LogDriver: optional(TaskDefaults?.LogDriver, driver) }),
    EncryptionConfig: { AutoLockManagers: EncryptionConfig?.AutoLockManagers ?? false },
  });
}

function externalForm({ Protocol, URL: url, Options, CACert }: ExternalCA): object {
  const options = Object.keys(Options ?? {}).length > 0 ? Options : undefined;
  return present({
    Protocol: text(Protocol)?.toLowerCase(),
    URL: text(url),
    Options: options,
    CACert: text(CACert),
  });
}
