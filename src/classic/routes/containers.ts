/** Routes about one container, answered by the engine that has it; and the list of all. */
import { type Json, text } from '../../api/body-object.ts';
import { compareVersions } from '../../api/query.ts';
import type { ApiRequest } from '../../api/router.ts';
import type { Host } from '../../fleet/contract.ts';
import type { InspectedContainer } from '../../fleet/records.ts';
import { ApiError } from '../../model/errors.ts';
import type { ClusterContext, ClusterReply, ClusterRoutes } from '../contract.ts';
import { callJson, callWhole, segment, spokenWith, withQuery } from '../engine-call.ts';
import { type Found, mustFind, onHealthyHost, refuseTask } from '../lookup.ts';
import { inspectedOn, listContainers } from '../views/containers.ts';

/** They change nothing that is shown. */
const PROXIED = [
  ...[
    'GET top',
    'GET logs',
    'GET stats',
    'GET export',
    'GET changes',
    'GET archive',
    'HEAD archive',
    'PUT archive',
  ],
  ...['POST resize', 'POST copy', 'POST attach'],
];
/** The container is looked at again before they are answered. */
const CHANGING = ['kill', 'pause', 'unpause', 'restart', 'stop', 'update', 'start'];

export const containerRoutes: ClusterRoutes = (router, context) => {
  const { cluster, execs } = context;
  const list = ({ query }: ApiRequest): ClusterReply => ({
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    text: `${listContainers(cluster.hosts(), query, Date.now())}\n`,
  });
  router.get('/containers/json', list);
  router.get('/containers/ps', list);

  router.get('/containers/{id...}/json', async ({ params, query, signal }) => {
    const found = onHealthyHost(mustFind(cluster.hosts(), params.id!), params.id!);
    const path = withQuery(`/containers/${found.container.id}/json`, query);
    const inspected = await callJson<InspectedContainer>(found.host, 'GET', path, { signal });
    return { status: 200, body: inspectedOn(found, inspected) };
  });

  for (const [method, action] of PROXIED.map((each) => each.split(' ') as [string, string])) {
    router.on(method, `/containers/{id...}/${action}`, ({ params, query }) => {
      const { host, container } = onHealthyHost(mustFind(cluster.hosts(), params.id!, 'proxied'), params.id!);
      return { to: { host, path: withQuery(`/containers/${container.id}/${action}`, query) } };
    });
  }
  router.get('/containers/{id...}/attach/ws', ({ params, query }) => {
    const { host, container } = onHealthyHost(mustFind(cluster.hosts(), params.id!, 'proxied'), params.id!);
    return { to: { host, path: withQuery(`/containers/${container.id}/attach/ws`, query) } };
  });
  router.post('/containers/{id...}/wait', async ({ params, query, signal }) => {
    const { host, container } = onHealthyHost(mustFind(cluster.hosts(), params.id!, 'proxied'), params.id!);
    const path = withQuery(`/containers/${container.id}/wait`, query);
    const apiVersion = await spokenWith(host);
    const answer = await host.engine.stream('POST', path, { signal, apiVersion });
    // Once it is told that it has ended, it is seen so.
    const stream = (async function* () {
      for await (const chunk of answer) {
        await host.refreshContainer(container.id);
        yield chunk as Buffer;
      }
    })();
    return { status: 200, headers: { 'Content-Type': 'application/json' }, stream };
  });

  for (const action of CHANGING) {
    router.post(`/containers/{id...}/${action}`, async (request) => {
      const { params } = request;
      const found = mustFind(cluster.hosts(), params.id!, action === 'start' ? 'plain' : 'proxied');
      // Starting is tried wherever it is.
      if (action !== 'start') onHealthyHost(found, params.id!);
      if (action === 'stop' || action === 'kill') cluster.noteStop(found.container.id, Date.now());
      return changed(context, found, request, action);
    });
  }
  router.delete('/containers/{id...}', async (request) => {
    const found = mustFind(cluster.hosts(), request.params.id!, 'removal');
    if (cluster.swarm)
      refuseTask(
        found.container,
        'use "docker service scale" or "docker service rm" on a manager\'s own endpoint',
      );
    return changed(context, found, request);
  });

  router.post('/containers/{id...}/exec', async (request) => {
    const { params } = request;
    const { host, container } = onHealthyHost(mustFind(cluster.hosts(), params.id!), params.id!);
    const body = await request.bytes();
    const { Cmd } = parsed(body);
    if (!Array.isArray(Cmd) || Cmd.length === 0) throw new ApiError(400, 'No exec command specified');
    const headers = { 'content-type': 'application/json' };
    const path = `/containers/${container.id}/exec`;
    const made = await callJson<{ Id: string }>(host, 'POST', path, {
      body,
      headers,
      signal: request.signal,
    });
    execs.learn(made.Id, host);
    return { status: 201, body: made };
  });
  for (const [method, action] of [
    ['GET', 'json'],
    ['POST', 'resize'],
    ['POST', 'start'],
  ] as const) {
    router.on(method, `/exec/{id}/${action}`, async ({ params, query }) => {
      const host = await execs.find(params.id!);
      return { to: { host, path: withQuery(`/exec/${segment(params.id!)}/${action}`, query) } };
    });
  }

  router.post('/commit', ({ query }) => {
    const reference = query.get('container') ?? '';
    const { host, container } = onHealthyHost(mustFind(cluster.hosts(), reference, 'proxied'), reference);
    const asked = new URLSearchParams(query);
    asked.set('container', container.id);
    return { to: { host, path: withQuery('/commit', asked), over: () => void host.refreshImages() } };
  });

  router.post('/containers/prune', async ({ query, signal }) => {
    const answers = await Promise.all(
      cluster.healthy().map(async (host) => {
        const path = withQuery('/containers/prune', query);
        const answer = await callJson<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>(
          host,
          'POST',
          path,
          { signal },
        );
        await Promise.all((answer.ContainersDeleted ?? []).map((id) => host.refreshContainer(id)));
        return answer;
      }),
    );
    return {
      status: 200,
      body: {
        ContainersDeleted: answers.flatMap(({ ContainersDeleted }) => ContainersDeleted ?? []),
        SpaceReclaimed: answers.reduce((sum, { SpaceReclaimed }) => sum + SpaceReclaimed, 0),
      },
    };
  });
};

/** What the engine answers, given once the container was looked at again. */
export async function changed(
  { cluster }: Pick<ClusterContext, 'cluster'>,
  { host, container }: Found,
  request: ApiRequest,
  action?: string,
): Promise<ClusterReply> {
  const { method, query, signal } = request;
  const target = `/containers/${container.id}${action ? `/${action}` : ''}`;
  const sent = method === 'POST' ? await request.bytes() : undefined;
  const older = sent && action === 'start' ? await olderStart(host, request.apiVersion) : undefined;
  const body = action === 'start' && !older ? undefined : sent;
  const headers = { 'content-type': 'application/json' };
  try {
    const answer = await callWhole(host, method, withQuery(target, query), {
      signal,
      ...(older && { apiVersion: older }),
      ...(body && body.length > 0 && { body, headers }),
    });
    if (host.status === 'Healthy') await host.refreshContainer(container.id);
    return answerOf(answer);
  } catch (error) {
    cluster.fleet.doubt(host.key);
    throw error;
  }
}

/** The version in which what clients of old send when they start a container is still taken, if they and the engine speak it. */
async function olderStart(host: Host, asked: string): Promise<string | undefined> {
  if (compareVersions(asked, START_IS_BARE) >= 0) return undefined;
  const spoken = await spokenWith(host, asked);
  return compareVersions(spoken, START_IS_BARE) < 0 ? spoken : undefined;
}
const START_IS_BARE = '1.24';

/** An engine's whole answer as this endpoint's. */
export function answerOf({ status, body }: { status: number; body: Buffer }): ClusterReply {
  if (body.length === 0) return { status };
  const value = parsed(body);
  // Newer errors of engines have more in them than their message.
  return status >= 400
    ? { status, body: { message: text(value.message) || body.toString() } }
    : { status, body: value };
}

function parsed(body: Buffer): Json {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Json) : {};
  } catch {
    return {};
  }
}
