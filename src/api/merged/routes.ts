/** The routes whose answers are the engine's and the cluster's together. */

import { commitRoutes } from '../remote/commit.ts';
import type { RouteModule } from '../router.ts';
import { containerRoutes } from './containers.ts';
import { eventRoutes } from './events.ts';
import { infoRoutes } from './info.ts';
import { networkRoutes } from './networks.ts';
import { pingRoutes } from './ping.ts';
import { versionRoutes } from './version.ts';

/** `version`: Essaim's own. */
export function mergedRoutes(version: string): RouteModule[] {
  return [
    pingRoutes,
    versionRoutes(version),
    infoRoutes,
    eventRoutes,
    networkRoutes,
    containerRoutes,
    commitRoutes,
    // Never the engine's own swarm, whatever is or is not registered there.
    (router) => router.own('swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'),
  ];
}
