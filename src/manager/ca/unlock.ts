/** The unlock key of a cluster's managers: rules over the cluster object. */
import { newUnlockKey } from '../../identity/unlock-key.ts';
import type { Cluster } from '../../model/objects.ts';

/** The cluster with a key for its managers where its spec wants them locked, and without one where not. */
export function withLock(cluster: Cluster, rotate: boolean): Cluster {
  const { unlock, ...internal } = cluster.internal;
  if (!cluster.Spec.EncryptionConfig?.AutoLockManagers) return { ...cluster, internal };
  if (unlock && !rotate) return cluster;
  const before = unlock?.shown ? unlock.key : unlock?.before;
  return { ...cluster, internal: { ...internal, unlock: { key: newUnlockKey(), shown: false, before } } };
}

/** The cluster with its key shown to somebody; undefined if it was before, or if there is none. */
export function withKeyShown(cluster: Cluster): Cluster | undefined {
  const { unlock } = cluster.internal;
  if (!unlock || unlock.shown) return undefined;
  return { ...cluster, internal: { ...cluster.internal, unlock: { key: unlock.key, shown: true } } };
}

/** The keys that open a manager's files. None: the files need no key. */
export function unlockKeys({ internal: { unlock } }: Cluster): string[] {
  if (!unlock) return [];
  if (unlock.shown) return [unlock.key];
  return unlock.before === undefined ? [] : [unlock.key, unlock.before];
}
