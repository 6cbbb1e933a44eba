/** `POST /networks/create`: the cluster's networks, and the engine's own. */
import type { EngineClient } from '../../engine/client.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import { isNodeLocal } from '../../model/node-local.ts';
import type { Network } from '../../model/objects.ts';
import { NetworkSpec } from '../../model/spec.ts';
import { isPassedOn } from '../pass-on.ts';
import { compareVersions } from '../query.ts';
import type { ApiContext, ApiRequest, Reply } from '../router.ts';
import { forbidden, leaderOf, managerOf } from '../swarm/access.ts';
import { checkKeptName, checkNewNetwork, nameTaken, validateNetwork } from '../swarm/networks/validation.ts';
import { calledHere, type EngineNetwork } from './engine-networks.ts';
import { until } from './until.ts';

/** How long (ms) a new network's answer may wait for its addresses: who has made one often asks for them at once. */
const ALLOCATION_PATIENCE = 250;

export async function createNetwork(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const { engine, membership } = context;
  const spec = await request
    .json(NetworkSpec, 'NetworkCreateRequest')
    .catch((error: ApiError): NetworkSpec => {
      // What is wrong with a body is the engine's to say, unless it is too much to pass on.
      if (error.status === 400) return {};
      throw error;
    });
  const ours = (spec.Driver === 'overlay' || spec.Scope === 'swarm') && !spec.ConfigOnly;
  if (!ours) {
    const view = membership.manager()?.store.view;
    const taken = view?.byName('network', spec.Name ?? '').some(({ Spec }) => Spec.Name === spec.Name);
    if (taken) throw nameTaken(spec.Name!);
    // A configuration has no driver of its own; of this one an engine without a swarm would say that it has none.
    const body =
      spec.Driver === 'overlay'
        ? Buffer.from(JSON.stringify({ ...spec, Driver: '' }))
        : await request.bytes();
    return { forward: { body } };
  }
  checkKeptName(spec.Name ?? '');
  if (spec.Driver !== 'overlay' && membership.status().state === 'inactive')
    throw new ApiError(403, 'cannot create a swarm scoped network when swarm is not active');
  // Newer clients do not ask for it any more.
  const unique = spec.CheckDuplicate || compareVersions(request.apiVersion, '1.44') >= 0;
  if (unique && !isPassedOn(request) && (await calledHere(spec.Name ?? '', engine, request)).length > 0)
    throw nameTaken(spec.Name!);
  return createClusters(spec, request, context);
}

async function createClusters(spec: NetworkSpec, request: ApiRequest, context: ApiContext): Promise<Reply> {
  const { engine, membership } = context;
  managerOf(membership, forbidden);
  validateNetwork(spec, compareVersions(request.apiVersion, '1.48') >= 0);
  if (spec.ConfigFrom?.Network && !isPassedOn(request))
    await requireConfiguration(spec.ConfigFrom.Network, engine, request);
  const manager = leaderOf(membership, forbidden);
  const id = manager.newId();
  await manager.store.commit((view) => {
    checkNewNetwork(view, spec);
    const now = timestamp(manager.now());
    const { CheckDuplicate: _, ...Spec } = spec;
    const object: Network = {
      ...{ ID: id, Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now },
      Spec: { ...Spec, Scope: 'swarm' },
      internal: {},
    };
    return { changes: [{ op: 'put', kind: 'network', object }] };
  });
  const { store } = manager;
  const isKnown = () => isNodeLocal(spec) || store.view.get('network', id)?.internal.allocated !== undefined;
  await until(store, ALLOCATION_PATIENCE, isKnown);
  return { status: 201, body: { Id: id, Warning: '' } };
}

/** Each host makes the network from its own configuration; that there is none at all is said at once. */
async function requireConfiguration(
  name: string,
  engine: EngineClient,
  { apiVersion, signal }: ApiRequest,
): Promise<void> {
  const missing = new ApiError(404, `configuration network ${JSON.stringify(name)} does not exist`);
  const found = await engine
    .json<EngineNetwork>('GET', `/networks/${encodeURIComponent(name)}`, { apiVersion, signal })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) throw missing;
      throw error;
    });
  if (!found.ConfigOnly) throw missing;
}
