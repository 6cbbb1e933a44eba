/** The cluster object's certificate side: founding it, its tokens, the roots it trusts. */

import { createRoot, type Root } from '../../identity/authority.ts';
import { rootTlsInfo } from '../../identity/certificate.ts';
import { bundle } from '../../identity/pem.ts';
import { newToken } from '../../identity/token.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster } from '../../model/objects.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';

export interface NewCluster {
  id: string;
  spec: ClusterSpec;
  DefaultAddrPool: string[];
  SubnetSize: number;
  DataPathPort: number;
  /** Milliseconds since the epoch. */
  now: number;
}

/** A cluster with a root and join tokens of its own, not yet stored. */
export async function newCluster(parts: NewCluster): Promise<Cluster> {
  const root = await createRoot(parts.now);
  const at = timestamp(parts.now);
  return {
    ID: parts.id,
    Version: { Index: 0 },
    CreatedAt: at,
    UpdatedAt: at,
    Spec: parts.spec,
    TLSInfo: rootTlsInfo(root.cert, root.cert),
    RootRotationInProgress: false,
    DefaultAddrPool: parts.DefaultAddrPool,
    SubnetSize: parts.SubnetSize,
    DataPathPort: parts.DataPathPort,
    internal: {
      joinTokens: { Worker: newToken(root.cert), Manager: newToken(root.cert) },
      caCert: root.cert,
      caKey: root.key,
      oldRoots: [],
      crossSigned: '',
    },
  };
}

/** The one cluster of a store. Throws 503 before it is founded. */
export function theCluster(view: View): Cluster {
  for (const cluster of view.all('cluster')) return cluster;
  throw new ApiError(503, 'this manager has no cluster yet: try again in a moment');
}

/** The root that signs. */
export function signingRoot(cluster: Cluster): Root {
  return { cert: cluster.internal.caCert, key: cluster.internal.caKey };
}

/** PEM of the root that the join tokens pin. */
export function pinnedRoot(cluster: Cluster): string {
  return cluster.internal.oldRoots[0] ?? cluster.internal.caCert;
}

/** PEM of all roots to trust now, the pinned one first. */
export function trustedRoots(cluster: Cluster): string {
  return bundle(...cluster.internal.oldRoots, cluster.internal.caCert);
}

/** New secrets in the tokens asked for. Who has joined with the old ones stays. */
export function rotateTokens(cluster: Cluster, which: { worker: boolean; manager: boolean }): Cluster {
  const { joinTokens } = cluster.internal;
  const root = pinnedRoot(cluster);
  return {
    ...cluster,
    internal: {
      ...cluster.internal,
      joinTokens: {
        Worker: which.worker ? newToken(root) : joinTokens.Worker,
        Manager: which.manager ? newToken(root) : joinTokens.Manager,
      },
    },
  };
}
