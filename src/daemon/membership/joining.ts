/** How a host comes into a swarm that is there: at first always as a worker. */
import { join } from 'node:path';
import type { JoinRequest } from '../../api/contract.ts';
import { createIdentity } from '../../identity/node-identity.ts';
import { ApiError } from '../../model/errors.ts';
import { type NodeAddresses, resolveAddresses, resolveDataPathAddress } from '../address/address.ts';
import { hostInterfaces } from '../address/interfaces.ts';
import { placesOf } from '../address/readdress.ts';
import { etcdHere } from '../manager/etcd-here.ts';
import { IDENTITY } from './member.ts';
import type { MembershipRecord, SwarmDir } from './swarm-dir.ts';

/** Where this host would listen, and what others would call it. Throws an ApiError 400 for what cannot be. */
export const joinAddresses = (request: JoinRequest): NodeAddresses =>
  resolveAddresses(request.ListenAddr || '0.0.0.0:2377', request.AdvertiseAddr ?? '', hostInterfaces());

/**
 * Asks the manager that `request` names for a place, until it answers or `signal` aborts, and enters the swarm on disk.
 * Returns what this host is from then on. Throws what the manager has against it, an ApiError.
 */
export async function joinAsWorker(
  request: JoinRequest,
  dir: SwarmDir,
  signal: AbortSignal,
): Promise<MembershipRecord> {
  const remote = request.RemoteAddrs?.[0];
  if (!remote) throw new ApiError(400, 'at least one RemoteAddr is required to join');
  const at = joinAddresses(request);
  const { joinCluster } = await import('../../agent/join.ts');
  const joined = await joinCluster({
    remote,
    token: request.JoinToken ?? '',
    availability: request.Availability || undefined,
    addr: at.advertiseHost,
    etcd: await etcdHere(),
    signal,
  });
  const dataPath = request.DataPathAddr;
  const dataPathHost = dataPath && resolveDataPathAddress(dataPath, hostInterfaces());
  const record: MembershipRecord = {
    nodeId: joined.nodeId,
    role: 'worker',
    ...at,
    ...(dataPathHost ? { dataPathHost } : {}),
    ...placesOf(request, hostInterfaces()),
    managers: joined.managers,
  };
  const folder = dir.make();
  await createIdentity(join(folder, IDENTITY), joined.credentials);
  dir.enter(record);
  return record;
}
