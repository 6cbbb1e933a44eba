/** The swarm itself: init, join, leave, inspect, update, and the lock of its managers. */
import { ApiError } from '../../../model/errors.ts';
import { array, boolean, integer, object, optional, text } from '../../../model/schema.ts';
import { ClusterSpec } from '../../../model/spec.ts';
import type { Membership } from '../../contract.ts';
import { boolValue, compareVersions, versionValue } from '../../query.ts';
import type { RouteModule } from '../../router.ts';
import { leaderOf, managerOf } from '../access.ts';
import { goBoolTersely } from '../query.ts';
import { clusterForm } from './form.ts';

const EXISTS =
  'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

const InitBody = object({
  ListenAddr: optional(text()),
  AdvertiseAddr: optional(text()),
  DataPathAddr: optional(text()),
  DataPathPort: optional(integer()),
  DefaultAddrPool: optional(array(text())),
  SubnetSize: optional(integer()),
  ForceNewCluster: optional(boolean()),
  AutoLockManagers: optional(boolean()),
  Availability: optional(text()),
  Spec: optional(ClusterSpec),
});

const JoinBody = object({
  ListenAddr: optional(text()),
  AdvertiseAddr: optional(text()),
  DataPathAddr: optional(text()),
  RemoteAddrs: optional(array(text())),
  JoinToken: optional(text()),
  Availability: optional(text()),
});

const UnlockBody = object({ UnlockKey: optional(text()) });

export const clusterRoutes: RouteModule = (router, { membership }) => {
  router.get('/swarm', () => {
    const cluster = managerOf(membership).cluster();
    return { status: 200, body: { ...clusterForm(cluster), JoinTokens: cluster.internal.joinTokens } };
  });

  router.post('/swarm/init', async (request) => {
    const body = await request.json(InitBody, 'InitRequest');
    if (!body.ForceNewCluster) refuseIfMember(membership);
    requireListenAddr(body.ListenAddr);
    const before = (version: string): boolean => compareVersions(request.apiVersion, version) < 0;
    const nodeId = await membership.init({
      ...body,
      ...(before('1.39') ? { DefaultAddrPool: undefined, SubnetSize: undefined } : {}),
      ...(before('1.40') ? { DataPathPort: undefined } : {}),
    });
    return { status: 200, body: nodeId };
  });

  router.post('/swarm/join', async (request) => {
    const body = await request.json(JoinBody, 'JoinRequest');
    refuseIfMember(membership);
    requireListenAddr(body.ListenAddr);
    if (!body.RemoteAddrs?.length) throw new ApiError(400, 'at least 1 RemoteAddr is required to join');
    if (body.RemoteAddrs.includes('')) {
      throw new ApiError(400, 'invalid remoteAddr "": invalid empty address');
    }
    await membership.join(body);
    return { status: 200 };
  });

  router.post('/swarm/leave', async ({ query }) => {
    await membership.leave(boolValue(query, 'force'));
    return { status: 200 };
  });

  router.post('/swarm/update', async (request) => {
    const { query } = request;
    const posted = await request.json(ClusterSpec, 'Spec');
    const version = versionValue(query, 'swarm');
    const rotateWorkerToken = goBoolTersely(query, 'rotateWorkerToken');
    const rotateManagerToken = goBoolTersely(query, 'rotateManagerToken');
    const rotateUnlockKey = goBoolTersely(query, 'rotateManagerUnlockKey');
    const manager = leaderOf(membership);
    const { Orchestration } = posted;
    // The spec is replaced as a whole: no limit is a limit of zero, unlike at init.
    const TaskHistoryRetentionLimit = Orchestration?.TaskHistoryRetentionLimit ?? 0;
    const spec = { ...posted, Orchestration: { TaskHistoryRetentionLimit } };
    const rotate = { rotateWorkerToken, rotateManagerToken, rotateUnlockKey };
    await manager.updateCluster({ version, spec, ...rotate });
    return { status: 200 };
  });

  router.get('/swarm/unlockkey', async () => ({
    status: 200,
    body: { UnlockKey: await leaderOf(membership).unlockKey() },
  }));

  router.post('/swarm/unlock', async (request) => {
    const { UnlockKey } = await request.json(UnlockBody, 'UnlockRequest');
    if (membership.status().state !== 'locked') {
      managerOf(membership);
      throw new ApiError(409, 'swarm is not locked');
    }
    await membership.unlock(UnlockKey ?? '');
    return { status: 200 };
  });
};

function refuseIfMember(membership: Membership): void {
  const { state } = membership.status();
  if (state !== 'inactive' && state !== 'error') throw new ApiError(503, EXISTS);
}

function requireListenAddr(address: string | null | undefined): void {
  if (!address) throw new ApiError(400, 'invalid ListenAddr "": invalid empty address');
}
