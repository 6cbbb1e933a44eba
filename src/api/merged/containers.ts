/**
 * New containers on the cluster's networks, and the list's `is-task` filter: the engine knows as tasks only those of its
 * own swarm; ours carry the same labels and are told by them. Everything else about containers is the engine's.
 */
import { type Filters, parseFilters } from '../filters.ts';
import type { ApiContext, ApiRequest, Reply, Router } from '../router.ts';
import { createAttached } from './attach.ts';

const TASK_LABEL = 'com.docker.swarm.task';

export function containerRoutes(router: Router, context: ApiContext): void {
  const { engine } = context;

  router.post('/containers/create', async (request) => {
    const made = await createAttached(context, request);
    return made ?? { forward: { body: await request.bytes() } };
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
