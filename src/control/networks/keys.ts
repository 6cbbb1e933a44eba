/**
 * The key of encrypted networks: a secret of the cluster that goes into every handshake between two hosts beside the
 * hosts' own keys, which nobody but they themselves know. It is replaced from time to time; sessions that two hosts have
 * with each other outlive that (WireGuard makes a new one every two minutes), so nothing is cut.
 */
import { isEncrypted } from '../../model/endpoint.ts';
import type { Cluster } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import type { ObjectPlanner } from '../contract.ts';
import { Draft } from '../draft.ts';

/** How long a key is used (ms), as in Docker Swarm. */
export const KEY_PERIOD = 12 * 60 * 60_000;

export const planNetworkKey: ObjectPlanner = (view, id, context) => {
  const draft = new Draft(view, context);
  const cluster = view.get('cluster', id);
  if (!cluster) return draft.plan();
  const { networkKey, ...internal } = cluster.internal;
  if (![...view.all('network')].some(({ Spec }) => isEncrypted(Spec))) {
    if (networkKey) draft.put('cluster', { ...cluster, internal });
    return draft.plan();
  }
  const due = networkKey && dueAt(networkKey, cluster);
  if (due !== undefined && due > context.now) draft.wake(due);
  else if (due === undefined || everyHostHears(view)) {
    // Twice 129 bits of randomness.
    const key = draft.newId() + draft.newId();
    const issuer = cluster.TLSInfo.CertIssuerPublicKey;
    draft.put('cluster', {
      ...cluster,
      internal: { ...internal, networkKey: { key, since: context.now, issuer } },
    });
    draft.wake(context.now + KEY_PERIOD);
  }
  return draft.plan();
};

/** Who no longer trusts the cluster's root (`docker swarm ca --rotate`) does not trust this key either. */
function dueAt({ since, issuer }: NonNullable<Cluster['internal']['networkKey']>, cluster: Cluster): number {
  return issuer === cluster.TLSInfo.CertIssuerPublicKey ? since + KEY_PERIOD : since;
}

/** A host whose daemon is away for a moment would be cut off by a key that it does not hear of. */
function everyHostHears(view: View): boolean {
  return [...view.all('node')].every(({ Status }) => Status.State !== 'unknown');
}
