/** Containers that are made, and named: where there are several managers, by the one that leads. */
import { objectOf } from '../../api/body-object.ts';
import type { ApiRequest, JsonReply } from '../../api/router.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster } from '../cluster.ts';
import type { ClusterContext, ClusterReply, ClusterRoutes } from '../contract.ts';
import { createContainer } from '../create.ts';
import { DECIDED } from '../decided.ts';
import { mustFind, onHealthyHost, refuseTask } from '../lookup.ts';
import { answerOf, changed } from './containers.ts';

/** @param retries how often a create that failed on one host is tried again */
export function createRoutes(retries: number): ClusterRoutes {
  return (router, context) => {
    router.post('/containers/create', async (request) => {
      const decided = await byLeader(context.cluster, request, '/containers/create');
      return decided ?? created(context, request, retries);
    });
    router.post('/containers/{id...}/rename', async (request) => {
      const id = request.params.id!;
      const { container } = mustFind(context.cluster.hosts(), id);
      const decided = await byLeader(context.cluster, request, `/containers/${container.id}/rename`);
      return decided ?? renamed(context, request, id);
    });
  };
}

export async function created(
  { cluster, log }: Pick<ClusterContext, 'cluster' | 'log'>,
  request: ApiRequest,
  retries: number,
): Promise<JsonReply> {
  const body = await objectOf(request);
  if (!body)
    throw new ApiError(400, 'the body of a request to create a container has to be an object in JSON');
  const { name = '', ...query } = Object.fromEntries(request.query);
  const auth = request.headers['x-registry-auth'];
  const { id, warnings, host } = await createContainer(
    cluster,
    {
      name: name.replace(/^\//, ''),
      body,
      query,
      ...(typeof auth === 'string' && { registryAuth: auth }),
      signal: request.signal,
    },
    { retries, log },
  );
  return {
    status: 201,
    headers: { [ON_HOST]: host.key, [CONTAINER]: id },
    body: { Id: id, Warnings: warnings },
  };
}

export async function renamed(
  context: Pick<ClusterContext, 'cluster'>,
  request: ApiRequest,
  reference: string,
): Promise<JsonReply> {
  const { cluster } = context;
  const found = onHealthyHost(mustFind(cluster.hosts(), reference), reference);
  if (cluster.swarm) refuseTask(found.container, "its name says which of the service's tasks it is");
  const name = (request.query.get('name') ?? '').replace(/^\//, '');
  const release = cluster.claimName(name, found.container.id);
  try {
    const reply = (await changed(context, found, request, 'rename')) as JsonReply;
    return { ...reply, headers: { [ON_HOST]: found.host.key, [CONTAINER]: found.container.id } };
  } finally {
    release();
  }
}

/** What the leader's answer is about. */
const ON_HOST = 'Essaim-Node';
const CONTAINER = 'Essaim-Container';

/** The leader's answer, once what it has done is seen here; undefined: it is decided here. @throws ApiError */
async function byLeader(
  cluster: Cluster,
  request: ApiRequest,
  path: string,
): Promise<ClusterReply | undefined> {
  const answer = await cluster.swarm?.askLeader(request, `${DECIDED}${path}`);
  if (!answer) return undefined;
  const reply = answerOf(answer);
  const host = cluster.fleet.host(String(answer.headers[ON_HOST.toLowerCase()] ?? ''));
  const id = String(answer.headers[CONTAINER.toLowerCase()] ?? '');
  await host?.refreshContainer(id);
  return reply;
}
