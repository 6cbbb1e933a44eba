/**
 * `/distribution/{name}/json`: what a registry has under a name. Clients ask before they create or update a service,
 * wait for the answer, and take an error as a warning only: so one comes soon whether a registry answers or not.
 */
import { ApiError } from '../../model/errors.ts';
import type { ApiContext, ApiRequest, Reply, RouteModule } from '../router.ts';

/** Milliseconds: for an image that the engine has anyway, and for one that is known to a registry at best. */
const PATIENCE = { present: 1000, absent: 5000 };

export const distributionRoutes: RouteModule = (router, context) => {
  router.get('/distribution/{name...}/json', (request) => inspect(request.params.name!, request, context));
};

async function inspect(name: string, request: ApiRequest, { engine }: ApiContext): Promise<Reply> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const auth = request.headers['x-registry-auth'];
  const { signal } = request;
  const local = await engine.request('GET', `/images/${path}/json`, { signal });
  local.body.resume();
  const patience = AbortSignal.timeout(local.status === 200 ? PATIENCE.present : PATIENCE.absent);
  try {
    const body = await engine.json<unknown>('GET', `/distribution/${path}/json`, {
      headers: typeof auth === 'string' ? { 'x-registry-auth': auth } : {},
      signal: AbortSignal.any([signal, patience]),
    });
    return { status: 200, body };
  } catch (error) {
    if (!patience.aborted) throw error;
    throw new ApiError(500, `no registry has answered in time about ${name}`);
  }
}
