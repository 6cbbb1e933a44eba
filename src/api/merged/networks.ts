/**
 * `/networks`: the engine's own and the cluster's together. Where an overlay is used on this host, its engine has a
 * local network of our driver that stands for it; clients see one network, the cluster's.
 */
import { type EngineClient, errorOf } from '../../engine/client.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Attachment, Network } from '../../model/objects.ts';
import { NetworkSpec } from '../../model/spec.ts';
import type { Change, Store, View } from '../../store/contract.ts';
import { bytesOf, objectOf } from '../body-object.ts';
import { parseFilters } from '../filters.ts';
import { compareVersions } from '../query.ts';
import { connectionWithNameHere } from '../remote/mentions.ts';
import type { ApiContext, ApiRequest, Reply, Router } from '../router.ts';
import { managerOf } from '../swarm/access.ts';
import { findNetwork } from '../swarm/lookup.ts';
import {
  type Containers,
  hostEndpoint,
  networkForm,
  peersForm,
  servicesForm,
} from '../swarm/networks/form.ts';
import {
  attachmentsInUse,
  checkNewNetwork,
  checkUnused,
  nameTaken,
  validateNetwork,
} from '../swarm/networks/validation.ts';
import { goBool } from '../swarm/query.ts';
import { connectAttached, DRIVER, LABEL } from './attach.ts';
import { matches, mayPrune } from './network-filters.ts';

/** How long (ms) the removal of a network waits for the last containers to leave it. */
const DETACH_PATIENCE = 1_000;
/** How long (ms) a new network's answer may wait for its addresses: who has made one often asks for them at once. */
const ALLOCATION_PATIENCE = 250;

interface EngineNetwork {
  Id: string;
  Name: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
  Containers: Containers;
}

export function networkRoutes(router: Router, context: ApiContext): void {
  const { engine, membership } = context;

  router.post('/networks/create', async (request) => {
    const spec = await request
      .json(NetworkSpec, 'NetworkCreateRequest')
      .catch((error: ApiError): NetworkSpec => {
        // What is wrong with a body is the engine's to say, unless it is too much to pass on.
        if (error.status === 400) return {};
        throw error;
      });
    const ours = (spec.Driver === 'overlay' || spec.Scope === 'swarm') && !spec.ConfigOnly;
    if (ours && spec.Driver !== 'overlay' && membership.status().state === 'inactive')
      throw new ApiError(403, 'cannot create a swarm scoped network when swarm is not active');
    if (ours) {
      // Newer clients do not ask for it any more.
      const unique = spec.CheckDuplicate || compareVersions(request.apiVersion, '1.44') >= 0;
      if (unique && (await calledHere(spec.Name ?? '', engine, request)).length > 0)
        throw nameTaken(spec.Name!);
      return createNetwork(spec, context);
    }
    const { manager } = viewOf(context);
    const taken = manager?.store.view
      .byName('network', spec.Name ?? '')
      .some((network) => network.Spec.Name === spec.Name);
    if (taken) throw nameTaken(spec.Name!);
    return { forward: { body: await request.bytes() } };
  });

  router.get('/networks', async (request) => {
    const { query, apiVersion, signal } = request;
    const options = { query: Object.fromEntries(query), apiVersion, signal };
    const local = await engine.json<EngineNetwork[]>('GET', '/networks', options);
    const { view } = viewOf(context);
    if (!view) return { status: 200, body: local.map(asOverlay) };
    const filters = parseFilters(query);
    const ours = [...view.all('network')].filter((network) => matches(view, network, filters));
    const others = local.filter(({ Driver }) => Driver !== DRIVER);
    return { status: 200, body: [...ours.map((network) => networkForm(network, apiVersion)), ...others] };
  });

  router.get('/networks/{id}', async (request) => {
    const { query, params, apiVersion } = request;
    const verbose = goBool(query, 'verbose');
    const scope = query.get('scope') ?? '';
    const { view } = viewOf(context);
    const network = scope === '' || scope === 'swarm' ? view && findNetwork(view, params.id!) : undefined;
    if (view && network) {
      if (scope === '' && network.Spec.Name === params.id) await onlyOneCalled(params.id!, engine, request);
      const here = await engineNetworkOf(engine, network.ID, request);
      const services = verbose ? servicesForm(view, network.ID) : undefined;
      const peers = here || verbose ? peersForm(view, network.ID) : undefined;
      const host = view.get('node', membership.status().nodeId);
      const own = hostEndpoint(network, host?.internal.networks?.[network.ID]);
      return {
        status: 200,
        body: {
          ...networkForm(network, apiVersion, here ? { ...here.Containers, ...own } : null),
          ...(peers ? { Peers: peers } : {}),
          ...(services ? { Services: services } : {}),
        },
      };
    }
    if (membership.status().state === 'active') {
      const here = await engineNetworkOf(engine, params.id!, request);
      if (here) return { status: 200, body: asOverlay(here) };
    }
    if (scope !== 'swarm' || !view) return { forward: {} };
    // Services may use networks that are on the nodes: clients look for those here, too.
    const anyScope = new URLSearchParams(query);
    anyScope.delete('scope');
    return { forward: { query: anyScope } };
  });

  router.delete('/networks/{id}', async (request) => {
    const { params } = request;
    const { manager } = viewOf(context);
    const known = manager && findNetwork(manager.store.view, params.id!);
    if (!known) return { forward: {} };
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

async function createNetwork(spec: NetworkSpec, { membership }: ApiContext): Promise<Reply> {
  const manager = managerOf(membership);
  validateNetwork(spec);
  const id = manager.newId();
  await manager.store.commit((view) => {
    checkNewNetwork(view, spec);
    const now = timestamp(manager.now());
    const { CheckDuplicate: _, ...Spec } = spec;
    const object: Network = {
      ...{ ID: id, Version: { Index: 0 }, CreatedAt: now, UpdatedAt: now },
      Spec: { ...Spec, Driver: 'overlay', Scope: 'swarm' },
      internal: {},
    };
    return { changes: [{ op: 'put', kind: 'network', object }] };
  });
  const { store } = manager;
  await until(
    store,
    ALLOCATION_PATIENCE,
    () => store.view.get('network', id)?.internal.allocated !== undefined,
  );
  return { status: 201, body: { Id: id, Warning: '' } };
}

async function prune(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const { query, apiVersion, signal } = request;
  const filters = parseFilters(query);
  // What stands for an overlay goes with the overlay.
  const local = new URLSearchParams(query);
  local.set('filters', String(filters.with('label!', LABEL)));
  const options = { query: Object.fromEntries(local), apiVersion, signal };
  const { NetworksDeleted } = await context.engine.json<{ NetworksDeleted: string[] | null }>(
    'POST',
    '/networks/prune',
    options,
  );
  const deleted = [...(NetworksDeleted ?? [])];
  const { manager } = viewOf(context);
  if (manager) {
    const { result: names } = await manager.store.commit((view) => {
      const unused = [...view.all('network')].filter((each) => mayPrune(view, each, filters, manager.now()));
      return {
        changes: unused.flatMap((each) => removal(view, each)),
        result: unused.map(({ Spec }) => Spec.Name ?? ''),
      };
    });
    deleted.push(...names);
  }
  return { status: 200, body: { NetworksDeleted: deleted.length > 0 ? deleted : null } };
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

/** Resolves when the store is as it should be, or after so many milliseconds. */
async function until(store: Store, patience: number, holds: () => boolean): Promise<void> {
  if (holds()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, patience);
  const unwatch = store.watch(store.view.revision, () => holds() && resolve());
  await promise.finally(() => {
    clearTimeout(timer);
    unwatch();
  });
}

function viewOf({ membership }: ApiContext) {
  const manager = membership.manager();
  return { manager, view: manager?.store.view };
}

/** A name that networks of this host have too is no name for the cluster's. */
async function onlyOneCalled(name: string, engine: EngineClient, request: ApiRequest): Promise<void> {
  const others = await calledHere(name, engine, request);
  if (others.length === 0) return;
  const matches = `${others.length + 1} matches found based on name`;
  throw new ApiError(400, `network ${name} is ambiguous (${matches})`);
}

/** The networks of that name which this host has for itself. */
async function calledHere(
  name: string,
  engine: EngineClient,
  { apiVersion, signal }: ApiRequest,
): Promise<EngineNetwork[]> {
  const query = { filters: { name: [name] } };
  const local = await engine.json<EngineNetwork[]>('GET', '/networks', { query, apiVersion, signal });
  return local.filter(({ Name, Driver }) => Name === name && Driver !== DRIVER);
}

/** The engine's network on this host that stands for the overlay of that id or name; undefined: it has none. */
async function engineNetworkOf(
  engine: EngineClient,
  overlay: string,
  { apiVersion, signal }: ApiRequest,
): Promise<EngineNetwork | undefined> {
  const query = { filters: JSON.stringify({ label: { [LABEL]: true } }) };
  const options = { query, apiVersion, signal };
  const all = await engine.json<EngineNetwork[]>('GET', '/networks', options);
  const known = all.find(
    ({ Name, Labels }) =>
      Labels?.[LABEL] === overlay || Name === overlay || isPrefix(overlay, Labels?.[LABEL]),
  );
  if (!known) return undefined;
  return engine.json<EngineNetwork>('GET', `/networks/${known.Id}`, { apiVersion, signal });
}

function isPrefix(start: string, id: string | undefined): boolean {
  return start !== '' && (id?.startsWith(start) ?? false);
}

/** What stands for an overlay, as the overlay: all that a worker knows of it. */
function asOverlay(network: EngineNetwork): EngineNetwork {
  if (network.Driver !== DRIVER) return network;
  const without = (values: Record<string, string> | null): Record<string, string> =>
    Object.fromEntries(Object.entries(values ?? {}).filter(([key]) => key !== LABEL));
  return {
    ...network,
    Id: network.Labels?.[LABEL] ?? network.Id,
    Driver: 'overlay',
    Options: without(network.Options),
    Labels: without(network.Labels),
    ...{ Scope: 'swarm' },
  };
}

/** The engine's id of what stands for the overlay that the request is about; undefined: there is none here. */
async function engineIdOf(context: ApiContext, request: ApiRequest): Promise<string | undefined> {
  const called = request.params.id!;
  const { view } = viewOf(context);
  const network = view && findNetwork(view, called);
  if (!network && context.membership.status().state !== 'active') return undefined;
  return (await engineNetworkOf(context.engine, network?.ID ?? called, request))?.Id;
}
