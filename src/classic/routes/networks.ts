/** Networks: local ones belong to their host, others to all that see them. */
import { setTimeout as delay } from 'node:timers/promises';
import { keyOf, objectOf, text } from '../../api/body-object.ts';
import { type Filters, parseFilters } from '../../api/filters.ts';
import type { ApiRequest } from '../../api/router.ts';
import type { Host } from '../../fleet/contract.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import type { Cluster } from '../cluster.ts';
import type { ClusterReply, ClusterRoutes } from '../contract.ts';
import { callJson, callWhole, segment, withQuery } from '../engine-call.ts';
import { allOf, onAll } from '../everywhere.ts';
import { findContainer, mustFind, onHealthyHost } from '../lookup.ts';
import { hostName, isCalled } from '../names.ts';
import { allNetworks, type FoundNetwork, findNetwork, isLocal, shownName } from '../networks.ts';
import { emptyAsk } from '../rules/container-config.ts';
import { matchesHost } from '../views/containers.ts';
import { answerOf } from './containers.ts';

const BUILT_IN = ['bridge', 'host', 'none', 'null'];
/** Drivers that need something which carries them between hosts. */
const OVERLAY = 'overlay';

export const networkRoutes: ClusterRoutes = (router, { cluster }) => {
  router.get('/networks', ({ query }) => {
    const filters = parseFilters(query);
    for (const type of filters.get('type')) {
      if (type !== 'custom' && type !== 'builtin')
        throw new ApiError(400, `Invalid filter: 'type'='${type}'`);
    }
    const hosts = cluster.hosts().filter((host) => matchesHost(filters, host));
    const rows = allNetworks(hosts, cluster.swarm?.home()).filter((found) => matches(filters, found));
    return { status: 200, body: rows.map((found) => ({ ...found.network, Name: shownName(found) })) };
  });

  router.get('/networks/{name...}', async ({ params, query, signal }) => {
    const found = mustFindNetwork(cluster, params.name!, 'colon');
    const path = withQuery(`/networks/${found.network.Id}`, query);
    const hosts = found.hosts.filter(({ status }) => status === 'Healthy');
    if (hosts.length === 0) throw new ApiError(404, `No such network: ${params.name}`);
    const outcomes = await onAll(hosts, (host) => callJson<Inspected>(host, 'GET', path, { signal }));
    const answers = outcomes.flatMap(({ value }) => (value ? [value] : []));
    const [first] = answers;
    if (!first) return { status: 200, body: allOf(outcomes)[0] };
    return {
      status: 200,
      body: { ...first, Containers: Object.assign({}, ...answers.map((answer) => answer.Containers)) },
    };
  });

  router.post('/networks/create', async (request) => {
    const body = await objectOf(request);
    if (!body)
      throw new ApiError(400, 'the body of a request to create a network has to be an object in JSON');
    const asked = text(body[keyOf(body, 'Name')]);
    const slash = asked.indexOf('/');
    const node = slash > 0 ? asked.slice(0, slash) : undefined;
    const driver = text(body[keyOf(body, 'Driver')]) || OVERLAY;
    const host = hostFor(cluster, node, driver);
    if (!host) throw new ApiError(404, `No such node: ${node}`);
    const sent = {
      ...body,
      [keyOf(body, 'Name')]: node === undefined ? asked : asked.slice(slash + 1),
      [keyOf(body, 'Driver')]: driver,
      // It is made for containers, not for services.
      ...(cluster.swarm && driver === OVERLAY && { [keyOf(body, 'Attachable')]: true }),
    };
    const { signal } = request;
    try {
      const made = await callJson<{ Id: string }>(host, 'POST', '/networks/create', { body: sent, signal });
      await host.refreshNetworks();
      // One of all hosts is to be seen at all of them from now on.
      const seen = host.networks.find(({ Id }) => Id === made.Id);
      if (seen && seen.Scope !== 'local')
        await Promise.all(cluster.healthy().map((each) => each.refreshNetworks()));
      return { status: 201, body: made };
    } catch (error) {
      if (driver !== OVERLAY || !(error instanceof ApiError) || !/swarm/i.test(error.message)) throw error;
      throw new ApiError(error.status, `${error.message} ${WHY_NO_OVERLAY}`);
    }
  });

  router.delete('/networks/{name...}', async ({ params, signal }) => {
    const found = mustFindNetwork(cluster, params.name!, 'plain');
    const alive = found.hosts.filter(({ status }) => status === 'Healthy');
    const home = isLocal(found) ? undefined : cluster.swarm?.home();
    const host = home ?? alive[0] ?? found.hosts[0]!;
    await callJson(host, 'DELETE', `/networks/${found.network.Id}`, { signal });
    await gone(found, signal);
    return { status: 204 };
  });

  for (const action of ['connect', 'disconnect'] as const) {
    router.post(`/networks/{name...}/${action}`, (request) => attach(cluster, request, action));
  }

  router.post('/networks/prune', async ({ query, signal }) => {
    const hosts = cluster.healthy();
    const path = withQuery('/networks/prune', query);
    const outcomes = await onAll(hosts, async (host) => {
      const local = new Set(host.networks.filter(({ Scope }) => Scope === 'local').map(({ Name }) => Name));
      const answer = await callJson<{ NetworksDeleted: string[] | null }>(host, 'POST', path, { signal });
      return (answer.NetworksDeleted ?? []).map((name) =>
        local.has(name) ? `${hostName(host)}/${name}` : name,
      );
    });
    await Promise.all(hosts.map((host) => host.refreshNetworks()));
    return { status: 200, body: { NetworksDeleted: [...new Set(allOf(outcomes).flat())] } };
  });
};

/** Waits until no host has it any more: its name is free then, also for one of another driver. */
async function gone({ network, hosts }: FoundNetwork, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + GONE_TIME;
  for (;;) {
    await Promise.all(hosts.map((host) => host.refreshNetworks()));
    const left = hosts.some(
      (host) => host.status === 'Healthy' && host.networks.some(({ Id }) => Id === network.Id),
    );
    if (!left || performance.now() > deadline) return;
    await delay(GONE_LOOK, undefined, { signal });
  }
}
/** How long (ms) hosts may take to take a network away, and between two looks. */
const GONE_TIME = 5_000;
const GONE_LOOK = 100;

/** Who makes a network: the host that is named; of a swarm's own the one that knows them all; else the best one. */
function hostFor(cluster: Cluster, node: string | undefined, driver: string): Host | undefined {
  if (node !== undefined) return cluster.healthy().find((each) => isCalled(each, node));
  const home = driver === OVERLAY ? cluster.swarm?.home() : undefined;
  return home ?? cluster.best(emptyAsk());
}

/** Said after an engine's own words about swarm mode. */
const WHY_NO_OVERLAY =
  'A network without driver is an overlay here, and these engines have nothing that carries overlays between hosts: ' +
  'name another driver (docker-compose: networks: {default: {driver: bridge}}), or use the endpoint of an Essaim swarm.';

interface Inspected {
  Containers?: Record<string, object> | null;
  [field: string]: unknown;
}

function mustFindNetwork(cluster: Cluster, reference: string, wording: 'plain' | 'colon'): FoundNetwork {
  const found = findNetwork(cluster.registered(), reference, cluster.swarm?.home());
  if (found) return found;
  throw new ApiError(404, `No such network${wording === 'colon' ? ':' : ''} ${reference}`);
}

function matches(filters: Filters, found: FoundNetwork): boolean {
  const { network } = found;
  const some = (key: string, holds: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values.length === 0 || values.some(holds);
  };
  return (
    some('name', (name) => network.Name.includes(name) || shownName(found) === name) &&
    some('id', (id) => network.Id.startsWith(id)) &&
    some('driver', (driver) => network.Driver === driver) &&
    some('scope', (scope) => network.Scope === scope) &&
    some('type', (type) => (type === 'builtin') === BUILT_IN.includes(network.Name)) &&
    filters.labels('label', network.Labels)
  );
}

async function attach(
  cluster: Cluster,
  request: ApiRequest,
  action: 'connect' | 'disconnect',
): Promise<ClusterReply> {
  const { params, signal } = request;
  const body = await objectOf(request);
  const reference = body ? text(body[keyOf(body, 'Container')]) : '';
  if (!body || reference === '') throw new ApiError(404, 'Container is not specified');
  const named = findNetwork(cluster.registered(), params.name!, cluster.swarm?.home());
  const container = findContainer(cluster.hosts(), reference);
  // Of several of that name the one that the container's host has is meant.
  const network = named ?? (container && findNetwork([container.host], params.name!));
  if (!network) throw new ApiError(404, `No such network: ${params.name}`);
  const found = mustFind(cluster.hosts(), reference, 'proxied');
  const forced = action === 'disconnect' && body[keyOf(body, 'Force')] === true;
  // What a host that is lost had on a network of all hosts can be taken away from another one.
  const stand =
    found.host.status !== 'Healthy' && forced && !isLocal(network) ? cluster.healthy()[0] : undefined;
  const host = stand ?? onHealthyHost(found, reference).host;
  const sent = { ...body, [keyOf(body, 'Container')]: found.container.id };
  const path = `/networks/${segment(network.network.Id)}/${action}`;
  try {
    const answer = await callWhole(host, 'POST', path, { body: sent, signal });
    await Promise.all([host.refreshContainer(found.container.id), host.refreshNetworks()]);
    return answerOf(answer);
  } catch (error) {
    cluster.fleet.doubt(host.key);
    throw new ApiError(500, messageOf(error));
  }
}
