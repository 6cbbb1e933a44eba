/** Images: what is asked about one is asked of a host that has it; what is done, is done on all. */

import type { ApiRequest } from '../../api/router.ts';
import { errorIn, type Progress } from '../../engine/images.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { Host } from '../../fleet/contract.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import type { ClusterContext, ClusterRoutes } from '../contract.ts';
import { callJson, segments, spokenWith, withQuery } from '../engine-call.ts';
import { allOf, onAll } from '../everywhere.ts';
import { familiar, findImage, hostsWith, tagged } from '../images.ts';
import { byName, hostName } from '../names.ts';
import { emptyAsk } from '../rules/container-config.ts';
import { copies, merged } from '../streams.ts';
import { listImages } from '../views/images.ts';

/** What hosts that do not answer are said to miss. */
const AWAY = 'does not answer and is left out';

export const imageRoutes: ClusterRoutes = (router, context) => {
  const { cluster } = context;
  router.get('/images/json', ({ query }) => ({ status: 200, body: listImages(cluster.hosts(), query) }));
  router.get('/images/viz', () => {
    throw new ApiError(501, 'Not supported in clustering mode.');
  });
  router.get('/images/search', ({ query }) => ({
    to: { host: cluster.best(emptyAsk()), path: withQuery('/images/search', query) },
  }));
  router.get('/distribution/{name...}/json', ({ params }) => ({
    to: { host: cluster.best(emptyAsk()), path: `/distribution/${segments(params.name!)}/json` },
  }));

  for (const action of ['json', 'history', 'get']) {
    router.get(`/images/{name...}/${action}`, ({ params, query }) => {
      const name = params.name!;
      return {
        to: { host: owner(context, name), path: withQuery(`/images/${segments(name)}/${action}`, query) },
      };
    });
  }
  router.get('/images/get', ({ query }) => {
    const names = query.getAll('names').flatMap((each) => each.split(','));
    const host = cluster.healthy().find((each) => names.every((name) => findImage(each, name) !== undefined));
    if (!host) {
      throw new ApiError(404, `Unable to find a healthy engine containing all images: [${names.join(' ')}]`);
    }
    return { to: { host, path: withQuery('/images/get', query) } };
  });
  router.post('/images/{name...}/push', ({ params, query }) => {
    const tag = query.get('tag');
    const name = familiar(params.name!);
    const host = owner(context, tag ? `${name}:${tag}` : name);
    // Newer clients put the registry in front of names that have none.
    return { to: { host, path: withQuery(`/images/${segments(name)}/push`, query) } };
  });

  router.post('/images/create', (request) => ({ status: 200, stream: create(context, request) }));
  router.post('/images/load', (request) => ({ status: 200, stream: load(context, request) }));

  router.post('/images/{name...}/tag', async ({ params, query, signal }) => {
    const name = params.name!;
    const hosts = hostsWith(cluster.hosts(), name);
    if (hosts.length === 0) throw new ApiError(404, `No such image: ${name}`);
    const path = withQuery(`/images/${segments(name)}/tag`, query);
    const outcomes = await onAll(hosts, (host) => callJson(host, 'POST', path, { signal }));
    await Promise.all(hosts.map((host) => host.refreshImages()));
    allOf(outcomes);
    return { status: 201 };
  });
  router.delete('/images/{name...}', async ({ params, query, signal }) => {
    const name = params.name!;
    const hosts = hostsWith(cluster.hosts(), name);
    if (hosts.length === 0) throw new ApiError(404, `No such image ${name}`);
    const path = withQuery(`/images/${segments(name)}`, query);
    const outcomes = await onAll(hosts, (host) => callJson<object[]>(host, 'DELETE', path, { signal }));
    await Promise.all(hosts.map((host) => host.refreshImages()));
    return { status: 200, body: allOf(outcomes).flat() };
  });
  router.post('/images/prune', async ({ query, signal }) => {
    const hosts = cluster.healthy();
    const path = withQuery('/images/prune', query);
    const outcomes = await onAll(hosts, (host) => callJson<Pruned>(host, 'POST', path, { signal }));
    await Promise.all(hosts.map((host) => host.refreshImages()));
    const answers = allOf(outcomes);
    return {
      status: 200,
      body: {
        ImagesDeleted: answers.flatMap(({ ImagesDeleted }) => ImagesDeleted ?? []),
        SpaceReclaimed: answers.reduce((sum, each) => sum + each.SpaceReclaimed, 0),
      },
    };
  });
};

interface Pruned {
  ImagesDeleted: object[] | null;
  SpaceReclaimed: number;
}

/** A host that has it. @throws ApiError */
function owner({ cluster }: ClusterContext, name: string): Host {
  const [host] = byName(hostsWith(cluster.hosts(), name));
  if (!host) throw new ApiError(404, `No such image: ${name}`);
  return host;
}

/** A line of progress as clients show it: `node: status`. */
interface Line {
  id?: string;
  status?: string;
  progress?: string;
  progressDetail?: object;
  stream?: string;
}

/** Pulls or imports on all hosts that answer; the others, and what failed, are named. */
async function* create(context: ClusterContext, request: ApiRequest): AsyncGenerator<string> {
  const { query, headers } = request;
  const from = query.get('fromImage');
  const tag = query.get('tag');
  const what = from
    ? `${tag ? `${from}:${tag}` : tagged(from)}`
    : (query.get('repo') ?? query.get('fromSrc') ?? '');
  const about = `${from ? 'Pulling' : 'Importing'} ${what}...`;
  const auth = headers['x-registry-auth'];
  const credentials: Record<string, string> = typeof auth === 'string' ? { 'x-registry-auth': auth } : {};
  yield* everywhere(context, request, {
    path: withQuery('/images/create', query),
    headers: credentials,
    hasBody: !from && query.get('fromSrc') === '-',
    first: { status: about },
    as: (line) => ({ ...line, status: line.status ? `${about} : ${line.status}` : about }),
    last: { status: about },
  });
}

/** Loads what the client sends on all hosts. */
function load(context: ClusterContext, request: ApiRequest): AsyncGenerator<string> {
  return everywhere(context, request, {
    path: withQuery('/images/load', request.query),
    headers: { 'content-type': 'application/x-tar' },
    hasBody: true,
    as: (line, host) => (line.stream ? { stream: `${hostName(host)}: ${line.stream}` } : line),
  });
}

interface Everywhere {
  path: string;
  headers: Record<string, string>;
  /** The client's body goes to each. */
  hasBody: boolean;
  first?: Line;
  as(line: Line, host: Host): Line;
  last?: Line;
}

async function* everywhere(
  { cluster }: ClusterContext,
  request: ApiRequest,
  { path, headers, hasBody, first, as, last }: Everywhere,
): AsyncGenerator<string> {
  const hosts = byName(cluster.healthy());
  const failures: string[] = [];
  if (hosts.length === 0) failures.push('No healthy node available in the cluster');
  const bodies = hasBody ? copies(request.body(), hosts.length) : [];
  const say = (line: object): string => `${JSON.stringify(line)}\n`;
  async function* on(host: Host, index: number): AsyncGenerator<string> {
    const id = hostName(host);
    const body = bodies[index];
    try {
      if (first) yield say({ id, ...first });
      const apiVersion = await spokenWith(host);
      const { signal } = request;
      const answer = await host.engine.stream('POST', path, {
        headers,
        signal,
        apiVersion,
        ...(body && { body }),
      });
      for await (const line of jsonLines<Line & Progress>(answer)) {
        const error = errorIn(line);
        if (error !== undefined) throw new Error(error);
        const seen = as(line, host);
        yield say(seen.stream === undefined ? { ...seen, id } : seen);
      }
      if (last) yield say({ id, ...last });
    } catch (error) {
      failures.push(`${id}: ${messageOf(error)}`);
      yield say({ id, status: `${first?.status ?? 'Error'} : ${messageOf(error)}` });
    } finally {
      body?.destroy();
      await host.refreshImages();
    }
  }
  yield* merged(hosts.map(on));
  for (const host of byName(cluster.registered())) {
    if (host.status !== 'Healthy') yield say({ id: hostName(host), status: AWAY });
  }
  if (failures.length === 0) return;
  const message = failures.join('\n');
  yield say({ error: message, errorDetail: { code: 1, message } });
}
