/** What the cluster says of itself. */

import type { ClusterRoutes } from '../contract.ts';
import { callJson } from '../engine-call.ts';
import { hostName } from '../names.ts';
import { emptyAsk } from '../rules/container-config.ts';
import { infoOf, versionOf } from '../views/info.ts';

export const systemRoutes: ClusterRoutes = (router, { cluster, role }) => {
  const headers = { 'Cache-Control': 'no-cache, no-store, must-revalidate', Pragma: 'no-cache' };
  router.get('/_ping', () => ({ status: 200, headers, text: 'OK' }));
  router.on('HEAD', '/_ping', () => ({ status: 200, headers }));
  router.get('/info', () => ({ status: 200, body: infoOf(cluster, role()) }));
  router.get('/version', () => ({ status: 200, body: versionOf() }));
  router.post('/auth', () => ({ to: { host: cluster.best(emptyAsk()), path: '/auth' } }));

  router.get('/system/df', async ({ signal }) => {
    const hosts = cluster.healthy();
    const all = await Promise.all(
      hosts.map((host) => callJson<Usage>(host, 'GET', '/system/df', { signal })),
    );
    const each = <T extends object>(field: keyof Usage, name: (thing: T, host: string) => T): T[] =>
      all.flatMap((usage, i) =>
        ((usage[field] as T[] | null) ?? []).map((thing) => name(thing, hostName(hosts[i]!))),
      );
    return {
      status: 200,
      body: {
        LayersSize: all.reduce((sum, { LayersSize }) => sum + (LayersSize ?? 0), 0),
        Images: each('Images', (image) => image),
        Containers: each<{ Names?: string[] }>('Containers', (container, host) => ({
          ...container,
          Names: (container.Names ?? []).map((name) => `/${host}${name}`),
        })),
        Volumes: each<{ Name: string }>('Volumes', (volume, host) => ({
          ...volume,
          Name: `${host}/${volume.Name}`,
        })),
        BuildCache: each('BuildCache', (cache) => cache),
        BuilderSize: 0,
      },
    };
  });
};

interface Usage {
  LayersSize?: number;
  Images: object[] | null;
  Containers: object[] | null;
  Volumes: object[] | null;
  BuildCache: object[] | null;
}
