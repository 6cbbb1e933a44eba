/** What the routes of an endpoint use, put together for the hosts that it is over. */
import type { Logger } from '../fleet/contract.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import type { ClusterContext, ClusterRoutes } from './contract.ts';
import { Execs } from './execs.ts';
import { buildRoutes } from './routes/build.ts';
import { containerRoutes } from './routes/containers.ts';
import { createRoutes } from './routes/create.ts';
import { eventRoutes } from './routes/events.ts';
import { imageRoutes } from './routes/images.ts';
import { networkRoutes } from './routes/networks.ts';
import { systemRoutes } from './routes/system.ts';
import { volumeRoutes } from './routes/volumes.ts';
import type { Role } from './views/info.ts';

export function clusterContext(options: ClusterOptions & { log: Logger; role: () => Role }): ClusterContext {
  const { log, role } = options;
  const cluster = new Cluster(options);
  return { cluster, execs: new Execs(cluster), log, role };
}

/** Everything that an endpoint answers. */
export function clusterRoutes(options: { createRetries: number }): ClusterRoutes[] {
  const create = createRoutes(options.createRetries);
  return [
    systemRoutes,
    create,
    containerRoutes,
    imageRoutes,
    volumeRoutes,
    networkRoutes,
    buildRoutes,
    eventRoutes,
  ];
}
