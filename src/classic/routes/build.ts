/** Builds, on one host. */

import { boolValue } from '../../api/query.ts';
import { errorOf } from '../../engine/client.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { Host } from '../../fleet/contract.ts';
import { ApiError } from '../../model/errors.ts';
import { Builds } from '../builds.ts';
import type { ClusterRoutes } from '../contract.ts';
import { callJson, spokenWith, withQuery } from '../engine-call.ts';
import { allOf, onAll } from '../everywhere.ts';
import { hostName } from '../names.ts';
import { type Ask, askOf, consolidated } from '../rules/container-config.ts';

export const buildRoutes: ClusterRoutes = (router, { cluster }) => {
  const builds = new Builds(cluster);

  router.post('/build', async (request) => {
    const { query, signal, headers } = request;
    const { ask, passed } = readBuild(query);
    const session = query.get('session');
    const host = builds.begin(session, ask);
    const sent: Record<string, string> = {};
    for (const name of ['content-type', 'x-registry-config', 'content-length']) {
      const value = headers[name];
      if (typeof value === 'string') sent[name] = value;
    }
    const apiVersion = await spokenWith(host, request.apiVersion);
    const path = withQuery('/build', passed);
    const answer = await host.engine.request('POST', path, {
      headers: sent,
      body: request.body(),
      signal,
      apiVersion,
    });
    if (answer.status >= 400) throw await errorOf(answer);
    const type = String(answer.headers['content-type'] ?? 'application/json');
    const plain = query.get('version') === '2' || boolValue(query, 'q');
    const stream = plain ? answer.body : withHost(host, answer.body);
    answer.body.once('close', () => void host.refreshImages());
    return { status: answer.status, headers: { 'Content-Type': type }, stream };
  });
  router.post('/build/cancel', ({ query }) => ({
    to: { host: builds.any(), path: withQuery('/build/cancel', query) },
  }));
  router.post('/build/prune', async ({ query, signal }) => {
    const path = withQuery('/build/prune', query);
    const outcomes = await onAll(cluster.healthy(), (host) =>
      callJson<Pruned>(host, 'POST', path, { signal }),
    );
    const answers = allOf(outcomes);
    return {
      status: 200,
      body: {
        CachesDeleted: answers.flatMap(({ CachesDeleted }) => CachesDeleted ?? []),
        SpaceReclaimed: answers.reduce((sum, each) => sum + each.SpaceReclaimed, 0),
      },
    };
  });

  router.post('/session', async ({ headers, signal }) => {
    const session = headers['x-docker-expose-session-uuid'];
    if (typeof session !== 'string') return { to: { host: builds.any(), path: '/session' } };
    const host = await builds.of(session, signal);
    return { to: { host, path: '/session', over: () => builds.end(session) } };
  });
  router.post('/grpc', () => ({ to: { host: builds.any(), path: '/grpc' } }));
};

interface Pruned {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** What a build asks of its host, and what is left of its query without that. @throws ApiError */
function readBuild(query: URLSearchParams): { ask: Ask; passed: URLSearchParams } {
  const passed = new URLSearchParams(query);
  const args = readArgs(query.get('buildargs'));
  const isWish = (name: string): boolean => /^(constraint|affinity|whitelist):/.test(name);
  const wishes = Object.entries(args).filter(([name]) => isWish(name));
  if (wishes.length > 0) {
    const kept = Object.fromEntries(Object.entries(args).filter(([name]) => !isWish(name)));
    passed.set('buildargs', JSON.stringify(kept));
  }
  const number = (name: string): number => Number(query.get(name) ?? 0) || 0;
  // An argument has a name and a value: `constraint:node` and `=n1`, as it was cut at its first equals sign.
  const Env = wishes.map(([name, value]) => `${name}=${value ?? ''}`);
  const body = consolidated({
    Env,
    HostConfig: { Memory: number('memory'), CpuShares: number('cpushares') },
  });
  return { ask: askOf('', body), passed };
}

function readArgs(text: string | null): Record<string, string | null> {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, string | null>;
  } catch {
    // Said below.
  }
  throw new ApiError(400, `buildargs has to be an object in JSON, not ${text}`);
}

interface Line {
  id?: string;
  stream?: string;
}

/** Each line that begins is given the host's name. */
async function* withHost(host: Host, lines: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begins = true;
  for await (const line of jsonLines<Line>(lines)) {
    const text = line.stream;
    const named = text !== undefined && begins && text.trim() !== '' ? { id: hostName(host), ...line } : line;
    if (text) begins = text.endsWith('\n');
    yield `${JSON.stringify(named)}\n`;
  }
}
