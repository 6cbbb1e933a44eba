/**
 * The list's `is-task` filter. The engine knows as tasks only those of its own swarm; ours carry the same labels and
 * are told by them. Everything else about containers is the engine's.
 */
import type { ApiError } from '../../model/errors.ts';
import { map, object, optional, type Static, text } from '../../model/schema.ts';
import { type Filters, parseFilters } from '../filters.ts';
import type { ApiContext, ApiRequest, Reply, Router } from '../router.ts';
import { refuseOverlays } from './networks.ts';

const TASK_LABEL = 'com.docker.swarm.task';

/** What of a new container says on which networks it is. */
const Networks = object({
  HostConfig: optional(object({ NetworkMode: optional(text()) })),
  NetworkingConfig: optional(object({ EndpointsConfig: optional(map(object({}))) })),
});

/** Modes that name no network, and networks that each engine has. */
const NO_OVERLAY = /^(|default|bridge|host|none|container:.*)$/;

export function containerRoutes(router: Router, context: ApiContext): void {
  const { engine } = context;

  router.post('/containers/create', async (request) => {
    const { HostConfig, NetworkingConfig } = await request
      .json(Networks, 'container.CreateRequest')
      .catch((error: ApiError): Static<typeof Networks> => {
        // What is wrong with a body is the engine's to say, unless it is too much to pass on.
        if (error.status === 400) return {};
        throw error;
      });
    const names = new Set([
      HostConfig?.NetworkMode ?? '',
      ...Object.keys(NetworkingConfig?.EndpointsConfig ?? {}),
    ]);
    await refuseOverlays(
      context,
      request,
      [...names].filter((name) => !NO_OVERLAY.test(name)),
    );
    return { forward: { body: await request.bytes() } };
  });

  router.get('/containers/json', async (request) => {
    if (!request.query.get('filters')?.includes('"is-task"')) return { forward: {} };
    const filters = parseFilters(request.query);
    const tasks = filters.boolean('is-task');
    if (tasks === undefined) return { forward: {} };
    const others = filters.without('is-task');
    if (tasks) return { forward: { query: withFilters(request.query, others.with('label', TASK_LABEL)) } };
    return withoutTasks(request, others);
  });

  async function withoutTasks(request: ApiRequest, filters: Filters): Promise<Reply> {
    const { apiVersion, signal } = request;
    const query = Object.fromEntries(withFilters(request.query, filters));
    const limit = Number(query.limit ?? 0);
    delete query.limit;
    // `limit` means the newest of all, running or not.
    if (limit > 0) query.all = '1';
    const containers = await engine.json<Array<{ Labels?: Record<string, string> | null }>>(
      'GET',
      '/containers/json',
      { query, apiVersion, signal },
    );
    const found = containers.filter(({ Labels }) => !Object.hasOwn(Labels ?? {}, TASK_LABEL));
    return { status: 200, body: limit > 0 ? found.slice(0, limit) : found };
  }
}

function withFilters(query: URLSearchParams, filters: Filters): URLSearchParams {
  const changed = new URLSearchParams(query);
  changed.set('filters', String(filters));
  return changed;
}
