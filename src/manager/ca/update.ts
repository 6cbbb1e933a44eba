/** `docker swarm update`, `join-token --rotate` and `ca --rotate`: one change of the cluster object. */
import type { ClusterUpdate } from '../../api/contract.ts';
import { createRoot } from '../../identity/authority.ts';
import { MIN_NODE_CERT_EXPIRY } from '../../identity/expiry.ts';
import { certificatesIn } from '../../identity/pem.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError, rpcError } from '../../model/errors.ts';
import type { Cluster } from '../../model/objects.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import { rotateTokens, trustedRoots } from './cluster.ts';
import { type ExternalAuthorities, externalUrls, type SigningRequest } from './external.ts';
import { beginRotation, chainOf, givenRoot } from './rotation.ts';
import { withLock } from './unlock.ts';

/** Throws Docker's errors for a spec that no cluster can have. */
export function checkClusterSpec(spec: ClusterSpec): void {
  if (spec.Name && spec.Name !== 'default') throw new ApiError(400, 'swarm spec must be named "default"');
  const { NodeCertExpiry, ExternalCAs } = spec.CAConfig ?? {};
  for (const { Protocol } of ExternalCAs ?? []) {
    if (Protocol?.toLowerCase() !== 'cfssl')
      throw new ApiError(400, `invalid protocol: ${JSON.stringify(Protocol ?? '')}`);
  }
  if (NodeCertExpiry && NodeCertExpiry < MIN_NODE_CERT_EXPIRY)
    throw rpcError('InvalidArgument', 'minimum certificate expiry time is: 1h0m0s');
  if ((spec.Dispatcher?.HeartbeatPeriod ?? 0) < 0)
    throw rpcError('InvalidArgument', 'heartbeat time period cannot be a negative duration');
}

/** The cluster as the update wants it; `now` in ms. Throws Docker's errors. */
export async function updatedCluster(
  cluster: Cluster,
  update: ClusterUpdate,
  now: number,
  external: ExternalAuthorities,
): Promise<Cluster> {
  checkClusterSpec(update.spec);
  if (update.version !== cluster.Version.Index) throw rpcError('Unknown', 'update out of sequence');
  const { SigningCACert, SigningCAKey, ...ca } = update.spec.CAConfig ?? {};
  const next: Cluster = {
    ...(await withRoot(cluster, update.spec, now, external)),
    // The signing key is kept where the store encrypts it, and nowhere else.
    Spec: { ...update.spec, Name: 'default', CAConfig: ca },
    UpdatedAt: timestamp(now),
  };
  return rotateTokens(withLock(next, update.rotateUnlockKey), {
    worker: update.rotateWorkerToken,
    manager: update.rotateManagerToken,
  });
}

async function withRoot(
  cluster: Cluster,
  spec: ClusterSpec,
  now: number,
  external: ExternalAuthorities,
): Promise<Cluster> {
  const { SigningCACert, SigningCAKey, ForceRotate } = spec.CAConfig ?? {};
  const { caCert, caKey } = cluster.internal;
  const given = certificatesIn(SigningCACert ?? '').join('');
  if (SigningCAKey && given === '')
    throw rpcError(
      'InvalidArgument',
      'if a signing CA key is provided, the signing CA cert must also be provided',
    );
  const urlsOf = (root: string) => externalUrls(cluster, spec, root);
  const requireExternal = async (root: string, which: string) => {
    if (await external.reachable(urlsOf(root), root)) return;
    throw rpcError(
      'InvalidArgument',
      `there must be at least one valid, reachable external CA corresponding to the ${which} CA certificate`,
    );
  };
  const root = given === '' ? undefined : givenRoot(given, SigningCAKey ?? '', now);
  // With its key at hand nobody else has to sign.
  const isKnown =
    root !== undefined &&
    root.key !== '' &&
    (root.cert === caCert || chainOf(cluster, root.cert) !== undefined);
  if (caKey === '' && !isKnown)
    await requireExternal(caCert, cluster.RootRotationInProgress ? 'next' : 'current');
  const sign = (request: SigningRequest) => external.sign(urlsOf(caCert), trustedRoots(cluster), request);
  if (!root) {
    if ((ForceRotate ?? 0) === (cluster.Spec.CAConfig?.ForceRotate ?? 0)) return cluster;
    return beginRotation(cluster, await createRoot(now), sign);
  }
  if (root.key === '') await requireExternal(root.cert, 'desired');
  return beginRotation(cluster, root, sign);
}
