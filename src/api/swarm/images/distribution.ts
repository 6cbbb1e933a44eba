/**
 * `/distribution/{name}/json`: what is under an image's name. Clients ask before they create or update a service, wait
 * for the answer, and pin the service to it; they take an error as a warning only: so one comes soon in any case.
 */
import type { RouteModule } from '../../router.ts';
import { resolveImage } from './digest.ts';

export const distributionRoutes: RouteModule = (router, { engine }) => {
  router.get('/distribution/{name...}/json', async ({ params, headers, signal }) => {
    const sent = headers['x-registry-auth'];
    const auth = typeof sent === 'string' ? sent : undefined;
    return { status: 200, body: await resolveImage(engine, params.name!, { auth, signal }) };
  });
};
