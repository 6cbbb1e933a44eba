/** All routes that are about the swarm. */
import type { RouteModule } from '../router.ts';
import { configRoutes, secretRoutes } from './contents.ts';
import { distributionRoutes } from './distribution.ts';
import { logRoutes } from './logs.ts';
import { nodeRoutes } from './nodes.ts';
import { serviceRoutes } from './services.ts';
import { clusterRoutes } from './swarm.ts';
import { taskRoutes } from './tasks.ts';

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
