/**
 * Containers: new ones on the cluster's networks, all as clients of the cluster see them, and the list's filters. The
 * engine knows as tasks only those of its own swarm; ours carry the same labels and are told by them. Everything else
 * about containers is the engine's.
 */
import { errorOf } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import { bytesOf, objectOf } from '../body-object.ts';
import { type Filters, parseFilters } from '../filters.ts';
import { containerWithNamesHere } from '../remote/mentions.ts';
import type { ApiContext, ApiRequest, Router } from '../router.ts';
import { createAttached } from './attach.ts';
import {
  askEngine,
  asSeen,
  listedWith,
  type OverlaysHere,
  overlaysHere,
  runsOnOverlay,
  type SeenContainer,
  TASK_LABEL,
  withExposed,
} from './container-view.ts';
import { ExposedPorts } from './exposed-ports.ts';

export function containerRoutes(router: Router, context: ApiContext): void {
  const { engine, membership } = context;
  const exposed = new ExposedPorts(engine);

  router.post('/containers/create', async (request) => {
    const body = await objectOf(request);
    const here = body && (await containerWithNamesHere(context, body));
    const made = here && (await createAttached(context, request, here));
    return made ?? { forward: { body: await bytesOf(request, body, here) } };
  });

  // What the registry's names lead to leaves them before it is told to end, as tasks do.
  for (const action of ['stop', 'restart']) {
    router.post(`/containers/{id}/${action}`, async (request) => {
      const containers = membership.containers();
      const id = containers && (await attachedHere(request));
      if (id === undefined) return { pass: true };
      const query = Object.fromEntries(request.query);
      return containers!.ending(id, async () => {
        const { apiVersion } = request;
        const answer = await engine.request('POST', `/containers/${id}/${action}`, { query, apiVersion });
        if (answer.status >= 400) throw await errorOf(answer);
        answer.body.resume();
        return { status: answer.status };
      });
    });
  }

  router.get('/containers/{id}/json', async (request) => {
    if (membership.status().state !== 'active') return { pass: true };
    const [container, overlays] = await Promise.all([
      askEngine<SeenContainer>(engine, request, request.query).catch(unlessMissing),
      overlaysHere(engine, request),
    ]);
    // It may be a task's, on this host by another name or on another one.
    if (!container) return { pass: true };
    const shown = runsOnOverlay(container, overlays) ? withExposed(container) : container;
    return { status: 200, body: asSeen(shown, overlays) };
  });

  router.get('/containers/json', async (request) => {
    const { query } = request;
    const active = membership.status().state === 'active';
    if (!active && !query.get('filters')?.includes('"is-task"')) return { forward: {} };
    const filters = parseFilters(query);
    const tasks = filters.boolean('is-task');
    const overlays: OverlaysHere = active ? await overlaysHere(engine, request) : new Map();
    const asked = onEngine(filters.without('is-task'), overlays);
    const containers =
      tasks === false
        ? await withoutTasks(request, asked)
        : await list(request, query, tasks ? asked.with('label', TASK_LABEL) : asked);
    const shown = await Promise.all(
      containers.map(async (each) => {
        if (each.Id === undefined || !runsOnOverlay(each, overlays)) return each;
        return listedWith(each, await exposed.of(each.Id));
      }),
    );
    return { status: 200, body: shown.map((each) => asSeen(each, overlays)) };
  });

  /** Its id, if it runs on an overlay and is no task's. */
  async function attachedHere(request: ApiRequest): Promise<string | undefined> {
    const { apiVersion, signal } = request;
    const path = `/containers/${encodeURIComponent(request.params.id!)}/json`;
    const [container, overlays] = await Promise.all([
      engine.json<SeenContainer>('GET', path, { apiVersion, signal }).catch(unlessMissing),
      overlaysHere(engine, request),
    ]);
    if (!container || Object.hasOwn(container.Config?.Labels ?? {}, TASK_LABEL)) return undefined;
    return runsOnOverlay(container, overlays) ? container.Id : undefined;
  }

  function list(request: ApiRequest, query: URLSearchParams, filters: Filters): Promise<SeenContainer[]> {
    return askEngine(engine, request, withFilters(query, filters));
  }

  async function withoutTasks(request: ApiRequest, filters: Filters): Promise<SeenContainer[]> {
    const query = new URLSearchParams(request.query);
    const limit = Number(query.get('limit') ?? 0);
    query.delete('limit');
    // `limit` means the newest of all, running or not.
    if (limit > 0) query.set('all', '1');
    const containers = await list(request, query, filters);
    const found = containers.filter(({ Labels }) => !Object.hasOwn(Labels ?? {}, TASK_LABEL));
    return limit > 0 ? found.slice(0, limit) : found;
  }
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}

/** With the engine's ids of the overlays that are asked for by their own. */
function onEngine(filters: Filters, overlays: OverlaysHere): Filters {
  const asked = filters.get('network').filter((start) => start !== '');
  const ids = [...overlays].filter(([, { id }]) => asked.some((start) => id.startsWith(start)));
  return ids.length > 0 ? filters.with('network', ...ids.map(([id]) => id)) : filters;
}

function withFilters(query: URLSearchParams, filters: Filters): URLSearchParams {
  const changed = new URLSearchParams(query);
  changed.set('filters', String(filters));
  return changed;
}
