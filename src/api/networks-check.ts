/** `essaim network check`: the only route that is not Docker's. */
import type { RouteModule } from './router.ts';
import { leaderOf } from './swarm/access.ts';

export const networkCheckRoutes: RouteModule = (router, { membership }) => {
  router.own('essaim');
  router.get('/essaim/networks/check', async () => ({
    status: 200,
    body: await leaderOf(membership).checkNetworks(),
  }));
};
