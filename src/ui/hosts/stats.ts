/** What services, tasks, containers and nodes have used: asked of the hosts concerned, and added up. */
import type { RouteModule } from '../../api/router.ts';
import { managerOf } from '../../api/swarm/access.ts';
import type { EngineClient } from '../../engine/client.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import type { Node } from '../../model/objects.ts';
import type { View } from '../../store/contract.ts';
import type { Stats } from '../protocol.ts';

/** How long a host may take, ms. */
const PATIENCE = 3_000;

export const statsRoutes: RouteModule = (router, { membership }) => {
  router.get('/essaim/stats', async ({ query, signal }) => {
    const manager = managerOf(membership);
    const { apiOf } = manager;
    const { nodes, of } = asked(query, manager.store.view);
    const by = query.get('by') === 'minute' ? 'minute' : 'close';
    const question = { ...of, by, from: Number(query.get('from') ?? 0) || 0 };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const silent: Stats['silent'] = [];
    const ask = async (node: Node): Promise<number[][]> => {
      try {
        if (node.Status.State !== 'ready') throw new Error(`it is ${node.Status.State}`);
        return await told(apiOf!(node.ID), question, limit);
      } catch (error) {
        silent.push({ node: node.Description?.Hostname ?? node.ID, why: messageOf(error) });
        return [];
      }
    };
    const points = summed(await Promise.all(nodes.map(ask)));
    const body: Stats = { step: by === 'close' ? 10_000 : 60_000, points, silent };
    return { status: 200, body };
  });
};

function told(
  api: EngineClient,
  query: Record<string, string | number>,
  signal: AbortSignal,
): Promise<number[][]> {
  return api.json<number[][]>('GET', '/essaim/host/stats', { query, signal });
}

/** The nodes to ask, and what. @throws ApiError 400, 404 */
function asked(query: URLSearchParams, view: View): { nodes: Node[]; of: Record<string, string> } {
  const [service, task, container, node] = ['service', 'task', 'container', 'node'].map((name) =>
    query.get(name),
  );
  if (service) {
    if (!view.get('service', service)) throw new ApiError(404, `there is no service ${service}`);
    const ids = new Set([...view.tasksOfService(service)].flatMap(({ NodeID }) => NodeID ?? []));
    return { nodes: [...ids].flatMap((id) => view.get('node', id) ?? []), of: { service } };
  }
  if (task) {
    const found = view.get('task', task);
    if (!found) throw new ApiError(404, `there is no task ${task}`);
    const place = found.NodeID === undefined ? undefined : view.get('node', found.NodeID);
    return { nodes: place ? [place] : [], of: { task } };
  }
  if (!node) throw new ApiError(400, 'say whose: ?service=ID, ?task=ID, ?node=ID or ?node=ID&container=ID');
  const host = view.get('node', node) ?? view.byName('node', node)[0];
  if (!host) throw new ApiError(404, `there is no node ${node}`);
  return { nodes: [host], of: container ? { container } : {} };
}

/** Adds points up, time by time; hosts look at the same moments. */
function summed(all: ReadonlyArray<ReadonlyArray<readonly number[]>>): number[][] {
  const sums = new Map<number, number[]>();
  for (const points of all)
    for (const [at = 0, ...values] of points) {
      const sum = sums.get(at);
      if (sum) for (const [index, value] of values.entries()) sum[index]! += value;
      else sums.set(at, values);
    }
  return [...sums].sort(([a], [b]) => a - b).map(([at, values]) => [at, ...values]);
}
