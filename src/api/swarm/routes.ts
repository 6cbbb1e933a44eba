/** All routes that are about the swarm. */
import type { RouteModule } from '../router.ts';
import { clusterRoutes } from './cluster/routes.ts';
import { configRoutes, secretRoutes } from './contents/routes.ts';
import { distributionRoutes } from './images/distribution.ts';
import { logRoutes } from './logs/routes.ts';
import { nodeRoutes } from './nodes/routes.ts';
import { serviceRoutes } from './services/routes.ts';
import { taskRoutes } from './tasks/routes.ts';

export const swarmRoutes: RouteModule = (router, context) => {
  router.own('swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs');
  for (const register of [
    clusterRoutes,
    nodeRoutes,
    serviceRoutes,
    taskRoutes,
    secretRoutes,
    configRoutes,
    logRoutes,
    distributionRoutes,
  ]) {
    register(router, context);
  }
};
