/** Volumes: each host has its own, `node/name`; without a host all are meant. */
import { randomBytes } from 'node:crypto';
import { keyOf, objectOf, part, text } from '../../api/body-object.ts';
import { type Filters, parseFilters } from '../../api/filters.ts';
import type { Host } from '../../fleet/contract.ts';
import type { VolumeRecord } from '../../fleet/records.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster } from '../cluster.ts';
import type { ClusterRoutes } from '../contract.ts';
import { callJson, segment, withQuery } from '../engine-call.ts';
import { allOf, onAll } from '../everywhere.ts';
import { byName, hostName, isCalled } from '../names.ts';
import { askOf } from '../rules/container-config.ts';
import { FILTERS } from '../rules/filters.ts';
import { matchesHost } from '../views/containers.ts';

export const volumeRoutes: ClusterRoutes = (router, { cluster }) => {
  router.get('/volumes', ({ query }) => {
    const filters = parseFilters(query);
    const rows = new Map<string, VolumeRecord>();
    for (const host of byName(cluster.hosts())) {
      if (!matchesHost(filters, host)) continue;
      for (const volume of host.volumes) {
        if (!matches(filters, host, volume)) continue;
        const Name = volume.Driver === 'local' ? `${hostName(host)}/${volume.Name}` : volume.Name;
        rows.set(Name, { ...volume, Name });
      }
    }
    return { status: 200, body: { Volumes: [...rows.values()], Warnings: null } };
  });

  router.get('/volumes/{name...}', async ({ params, signal }) => {
    const name = params.name!;
    const { hosts, bare } = where(cluster, name);
    const [first] = hosts;
    const shared = hosts.flatMap((host) => host.volumes.filter(({ Name }) => Name === bare));
    const isOne = hosts.length === 1 || shared.some(({ Driver }) => Driver !== 'local');
    if (!first || !isOne) throw new ApiError(404, `No such volume: ${name}`);
    return { status: 200, body: await callJson(first, 'GET', `/volumes/${segment(bare)}`, { signal }) };
  });

  router.post('/volumes/create', async (request) => {
    const body = (await objectOf(request)) ?? {};
    const asked = text(body[keyOf(body, 'Name')]);
    const slash = asked.indexOf('/');
    const [node, bare] = slash > 0 ? [asked.slice(0, slash), asked.slice(slash + 1)] : [undefined, asked];
    const hosts = cluster.healthy().filter((host) => node === undefined || isCalled(host, node));
    if (node !== undefined && hosts.length === 0) throw new ApiError(404, `No such node: ${node}`);
    const allowed = whitelisted(cluster, part(body, 'Labels'), hosts);
    if (allowed.length === 0) throw new ApiError(500, 'No healthy node available in the cluster');
    const name = bare === '' ? randomBytes(32).toString('hex') : bare;
    const sent = { ...body, [keyOf(body, 'Name')]: name };
    const { signal } = request;
    const outcomes = await onAll(allowed, (host) =>
      callJson<VolumeRecord>(host, 'POST', '/volumes/create', { body: sent, signal }),
    );
    await Promise.all(allowed.map((host) => host.refreshVolumes()));
    return { status: 201, body: allOf(outcomes)[0] };
  });

  router.delete('/volumes/{name...}', async ({ params, query, signal }) => {
    const { hosts, bare } = where(cluster, params.name!);
    if (hosts.length === 0) throw new ApiError(404, `No such volume ${params.name}`);
    const path = withQuery(`/volumes/${segment(bare)}`, query);
    const outcomes = await onAll(hosts, (host) => callJson(host, 'DELETE', path, { signal }));
    await Promise.all(hosts.map((host) => host.refreshVolumes()));
    allOf(outcomes);
    return { status: 204 };
  });

  router.post('/volumes/prune', async ({ query, signal }) => {
    const hosts = cluster.healthy();
    const path = withQuery('/volumes/prune', query);
    const outcomes = await onAll(hosts, async (host) => {
      const { VolumesDeleted, SpaceReclaimed } = await callJson<Pruned>(host, 'POST', path, { signal });
      return { names: (VolumesDeleted ?? []).map((name) => `${hostName(host)}/${name}`), SpaceReclaimed };
    });
    await Promise.all(hosts.map((host) => host.refreshVolumes()));
    const answers = allOf(outcomes);
    return {
      status: 200,
      body: {
        VolumesDeleted: answers.flatMap(({ names }) => names),
        SpaceReclaimed: answers.reduce((sum, each) => sum + each.SpaceReclaimed, 0),
      },
    };
  });
};

interface Pruned {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** The hosts that have it, and what it is called there. */
function where(cluster: Cluster, name: string): { hosts: Host[]; bare: string } {
  const hosts = byName(cluster.healthy());
  const has = (bare: string) => (host: Host) => host.volumes.some(({ Name }) => Name === bare);
  const whole = hosts.filter(has(name));
  const slash = name.indexOf('/');
  if (whole.length > 0 || slash < 0) return { hosts: whole, bare: name };
  const bare = name.slice(slash + 1);
  return { hosts: hosts.filter((host) => isCalled(host, name.slice(0, slash))).filter(has(bare)), bare };
}

function matches(filters: Filters, host: Host, { Name, Driver, Labels }: VolumeRecord): boolean {
  const names = filters.get('name');
  if (names.length > 0 && !names.some((name) => Name.includes(name))) return false;
  const dangling = filters.boolean('dangling');
  if (dangling !== undefined) {
    const mounts = [...host.containers.values()].flatMap(({ listed }) => listed.Mounts ?? []);
    if (dangling === mounts.some((mount) => mount.Name === Name)) return false;
  }
  return filters.exact('driver', Driver) && filters.labels('label', Labels);
}

/** Those that the volume's label names. @throws ApiError */
function whitelisted(cluster: Cluster, labels: Record<string, unknown>, hosts: readonly Host[]): Host[] {
  const ask = askOf('', { Labels: labels });
  const filter = FILTERS.find(({ name }) => name === 'whitelist')!;
  const kept = new Set(filter.keep(ask, cluster.candidates(), true).map(({ key }) => key));
  return hosts.filter(({ key }) => kept.has(key));
}
