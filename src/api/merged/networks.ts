/**
 * `/networks`: the engine's own and the cluster's together. Where an overlay is used on this host, its engine has a
 * local network of our driver that stands for it; clients see one network, the cluster's.
 */
import { type EngineClient, errorOf } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { isNodeLocal, isPredefined } from '../../model/node-local.ts';
import type { Attachment, Network } from '../../model/objects.ts';
import type { Change, View } from '../../store/contract.ts';
import { bytesOf, objectOf } from '../body-object.ts';
import type { ManagerFace } from '../contract.ts';
import { type Filters, parseFilters } from '../filters.ts';
import { askLeader, isPassedOn } from '../pass-on.ts';
import { connectionWithNameHere } from '../remote/mentions.ts';
import type { ApiContext, ApiRequest, Reply, Router } from '../router.ts';
import { findNetwork } from '../swarm/lookup.ts';
import { hostEndpoint, networkForm, peersForm, servicesForm } from '../swarm/networks/form.ts';
import { attachmentsInUse, checkUnused } from '../swarm/networks/validation.ts';
import { goBool } from '../swarm/query.ts';
import { connectAttached, LABEL } from './attach.ts';
import {
  asClusters,
  calledHere,
  clusterId,
  engineNetworkOf,
  engineNetworks,
  listedHere,
} from './engine-networks.ts';
import { createNetwork } from './network-create.ts';
import { matches, mayPrune } from './network-filters.ts';
import { until } from './until.ts';

/** How long (ms) the removal of a network waits for the last containers to leave it. */
const DETACH_PATIENCE = 1_000;

export function networkRoutes(router: Router, context: ApiContext): void {
  const { engine, membership } = context;

  router.post('/networks/create', (request) => createNetwork(request, context));

  router.get('/networks', async (request) => {
    const { query } = request;
    const { view } = viewOf(context);
    if (!view) return { status: 200, body: await listedHere(engine, request) };
    const local = await engineNetworks(engine, request, Object.fromEntries(query));
    const filters = parseFilters(query);
    const version = await engine.apiVersion();
    const ours = [...view.all('network')].filter((network) => matches(view, network, filters));
    const others = local.filter((network) => clusterId(network) === undefined);
    return { status: 200, body: [...ours.map((network) => networkForm(network, version)), ...others] };
  });

  router.get('/networks/{id}', async (request) => {
    const { query, params } = request;
    const called = params.id!;
    const scope = query.get('scope') ?? '';
    const { view } = viewOf(context);
    const network =
      scope === '' || scope === 'swarm' ? view && clusterNetwork(view, called, scope) : undefined;
    if (view && network) {
      if (scope === '' && network.Spec.Name === called) await onlyOneCalled(called, engine, request);
      return { status: 200, body: await shown(network, view, request, context) };
    }
    if (scope === 'swarm' && view) throw new ApiError(404, `network ${called} not found`);
    if (membership.status().state === 'active') {
      const here = await engineNetworkOf(engine, called, request);
      // A manager knows all networks of the cluster: what stands for another one is about to go.
      if (here && (view || (scope !== '' && scope !== 'swarm')))
        throw new ApiError(404, `network ${called} not found`);
      if (here) return { status: 200, body: asClusters(here) };
    }
    return { forward: {} };
  });

  router.delete('/networks/{id}', async (request) => {
    const { params } = request;
    const { manager } = viewOf(context);
    const known = manager && findNetwork(manager.store.view, params.id!);
    if (manager && !known && (await engineNetworkOf(engine, params.id!, request))) {
      throw new ApiError(404, `network ${params.id} not found`);
    }
    if (!known || isPredefined(known.Spec)) return { forward: {} };
    if (known.Spec.Name === params.id) await onlyOneCalled(params.id!, engine, request);
    await untilDetached(context, params.id!);
    await manager.store.commit((view) => {
      const network = findNetwork(view, params.id!);
      if (!network) throw new ApiError(404, `network ${params.id} not found`);
      checkUnused(view, network.ID);
      return { changes: removal(view, network) };
    });
    return { status: 204 };
  });

  router.post('/networks/prune', (request) => prune(request, context));

  router.post('/networks/{id}/connect', async (request) => {
    const body = await objectOf(request);
    const here = body && (await connectionWithNameHere(context, body));
    const connected = here && (await connectAttached(context, request, here));
    return connected ?? { forward: { body: await bytesOf(request, body, here) } };
  });

  router.post('/networks/{id}/disconnect', async (request) => {
    const overlay = await engineIdOf(context, request);
    const body = await objectOf(request);
    const here = body && (await connectionWithNameHere(context, body));
    if (overlay === undefined) return { forward: { body: await bytesOf(request, body, here) } };
    const answer = await engine.request('POST', `/networks/${overlay}/disconnect`, {
      body: await bytesOf(request, body, here),
      headers: { 'content-type': 'application/json' },
      apiVersion: request.apiVersion,
      signal: request.signal,
    });
    if (answer.status >= 300) throw await errorOf(answer);
    answer.body.resume();
    // Without a manager its addresses are given back later.
    await membership
      .containers()
      ?.refresh()
      .catch(() => {});
    return { status: 200 };
  });
}

/** A network of the cluster as it is inspected, with what this host has of it. */
async function shown(
  network: Network,
  view: View,
  request: ApiRequest,
  { engine, membership }: ApiContext,
): Promise<object> {
  const verbose = goBool(request.query, 'verbose');
  const here = isPredefined(network.Spec) ? undefined : await engineNetworkOf(engine, network.ID, request);
  const version = await engine.apiVersion();
  if (isNodeLocal(network.Spec)) {
    const form = networkForm(network, version);
    const { Name, ConfigFrom } = network.Spec;
    return here ? { ...form, ...asClusters(here), Name, ConfigFrom: ConfigFrom ?? { Network: '' } } : form;
  }
  const services = verbose ? servicesForm(view, network.ID) : undefined;
  const peers = here || verbose ? peersForm(view, network.ID) : undefined;
  const host = view.get('node', membership.status().nodeId);
  const own = hostEndpoint(network, host?.internal.networks?.[network.ID]);
  return {
    ...networkForm(network, version, here ? { ...here.Containers, ...own } : null, here !== undefined),
    ...(peers ? { Peers: peers } : {}),
    ...(services ? { Services: services } : {}),
  };
}

async function prune(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const filters = parseFilters(request.query);
  const { manager } = viewOf(context);
  const local = isPassedOn(request) ? [] : await pruneLocal(request, filters, context);
  const clusters = manager ? await pruneClusters(request, filters, manager) : [];
  const deleted = [...local, ...clusters];
  return { status: 200, body: { NetworksDeleted: deleted.length > 0 ? deleted : null } };
}

/** Removes the networks of this host's engine that nobody uses; their names. */
async function pruneLocal(
  { query, apiVersion, signal }: ApiRequest,
  filters: Filters,
  { engine }: ApiContext,
): Promise<string[]> {
  // What stands for an overlay goes with the overlay.
  const local = new URLSearchParams(query);
  local.set('filters', String(filters.with('label!', LABEL)));
  const options = { query: Object.fromEntries(local), apiVersion, signal };
  const { NetworksDeleted } = await engine.json<{ NetworksDeleted: string[] | null }>(
    'POST',
    '/networks/prune',
    options,
  );
  return NetworksDeleted ?? [];
}

/** Removes the cluster's networks that nobody uses; their names. */
async function pruneClusters(request: ApiRequest, filters: Filters, manager: ManagerFace): Promise<string[]> {
  const answer = isPassedOn(request) ? undefined : await askLeader(manager, request);
  if (answer) {
    const { NetworksDeleted } = JSON.parse(answer.body.toString()) as { NetworksDeleted: string[] | null };
    return NetworksDeleted ?? [];
  }
  const { result } = await manager.store.commit((view) => {
    const unused = [...view.all('network')].filter((each) => mayPrune(view, each, filters, manager.now()));
    return {
      changes: unused.flatMap((each) => removal(view, each)),
      result: unused.map(({ Spec }) => Spec.Name ?? ''),
    };
  });
  return result;
}

/** The network with the places of containers that do not run. */
function removal(view: View, network: Network): Change[] {
  const places = [...view.all('attachment')].filter(({ NetworkID }) => NetworkID === network.ID);
  const deletion = (kind: 'network' | 'attachment', { ID, Version }: Network | Attachment): Change => ({
    ...{ op: 'delete', kind, id: ID, revision: Version.Index },
  });
  return [deletion('network', network), ...places.map((place) => deletion('attachment', place))];
}

/** Whoever has just removed the last container need not know that its host tells of it a moment later. */
async function untilDetached({ membership }: ApiContext, called: string): Promise<void> {
  const { store } = membership.manager()!;
  await membership
    .containers()
    ?.refresh()
    .catch(() => {});
  const id = findNetwork(store.view, called)?.ID ?? '';
  const isFree = (): boolean => attachmentsInUse(store.view, id).length === 0;
  await until(store, DETACH_PATIENCE, isFree);
}

function viewOf({ membership }: ApiContext) {
  const manager = membership.manager();
  return { manager, view: manager?.store.view };
}

/** The engines' own networks have a name in the cluster only for services; else that means this host's. */
function clusterNetwork(view: View, called: string, scope: string): Network | undefined {
  const network = findNetwork(view, called);
  const isMeant = scope === 'swarm' || (called !== '' && network?.ID.startsWith(called));
  return network && isPredefined(network.Spec) && !isMeant ? undefined : network;
}

/** A name that networks of this host have too is no name for the cluster's. */
async function onlyOneCalled(name: string, engine: EngineClient, request: ApiRequest): Promise<void> {
  const others = await calledHere(name, engine, request);
  if (others.length === 0) return;
  const matches = `${others.length + 1} matches found based on name`;
  throw new ApiError(400, `network ${name} is ambiguous (${matches})`);
}

/** The engine's id of what stands for the overlay that the request is about; undefined: there is none here. */
async function engineIdOf(context: ApiContext, request: ApiRequest): Promise<string | undefined> {
  const called = request.params.id!;
  const { view } = viewOf(context);
  const network = view && findNetwork(view, called);
  if (!network && context.membership.status().state !== 'active') return undefined;
  return (await engineNetworkOf(context.engine, network?.ID ?? called, request))?.Id;
}
