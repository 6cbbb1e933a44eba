/** What is done with images, volumes and containers of one host, and what people are told of it. */
import { errorIn, type Progress } from '../../engine/images.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { Host } from '../../fleet/contract.ts';
import { messageOf } from '../../model/errors.ts';
import type { DiskUse } from '../protocol.ts';
import { withTag } from './image-name.ts';
import { nameOf } from './rows.ts';

/** How long a host may take to add up what is on it, ms. */
const PATIENCE = 30_000;

/** @param auth as the header X-Registry-Auth. Rejects with what the registry or the engine says. */
export async function pulled(
  host: Host,
  image: string,
  auth: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const answer = await host.engine.stream('POST', '/images/create', {
    query: { fromImage: withTag(image) },
    headers: auth === undefined ? {} : { 'x-registry-auth': auth },
    signal,
  });
  let last = '';
  for await (const progress of jsonLines<Progress & { status?: string }>(answer)) {
    const error = errorIn(progress);
    if (error !== undefined) throw new Error(error);
    if (progress.status?.startsWith('Status: ')) last = progress.status.slice('Status: '.length);
  }
  return last || 'pulled';
}

/** A volume on that host. Rejects with what the engine says against it. */
export async function madeVolume(
  { engine }: Host,
  { name, driver, options, labels }: NewVolume,
  signal: AbortSignal,
): Promise<string> {
  const body = { Name: name, Driver: driver || 'local', DriverOpts: options ?? {}, Labels: labels ?? {} };
  await engine.json('POST', '/volumes/create', { body, signal });
  return 'made';
}

export interface NewVolume {
  name?: string | null;
  driver?: string | null;
  options?: Record<string, string> | null;
  labels?: Record<string, string> | null;
}

/** Rejects with what the engine says against it. */
export async function removedImage(
  { engine }: Host,
  name: string,
  force: boolean,
  signal: AbortSignal,
): Promise<string> {
  const path = `/images/${name.split('/').map(encodeURIComponent).join('/')}`;
  const query = force ? { force: 1 } : {};
  const done = await engine.json<Array<{ Untagged?: string; Deleted?: string }> | undefined>('DELETE', path, {
    query,
    signal,
  });
  return (done ?? []).some(({ Deleted }) => Deleted !== undefined) ? 'removed' : 'untagged';
}

interface Pruned {
  SpaceReclaimed?: number;
  ImagesDeleted?: unknown[] | null;
  ContainersDeleted?: unknown[] | null;
  VolumesDeleted?: unknown[] | null;
}

/** `all`: images that nobody uses as well, not only those without a name; volumes with a name as well. */
export async function pruned(
  { engine }: Host,
  kind: 'images' | 'containers' | 'volumes',
  all: boolean,
  signal: AbortSignal,
): Promise<string> {
  const filters = all
    ? kind === 'images'
      ? { dangling: ['false'] }
      : kind === 'volumes'
        ? await allVolumes(engine)
        : {}
    : {};
  const done = await engine.json<Pruned>('POST', `/${kind}/prune`, { query: { filters }, signal });
  const gone = done.ImagesDeleted ?? done.ContainersDeleted ?? done.VolumesDeleted ?? [];
  const bytes = done.SpaceReclaimed ?? 0;
  return `${gone.length} removed, ${bytes} bytes freed`;
}

/** Newer engines remove volumes with a name only if they are told to; older ones do so, and know no such filter. */
async function allVolumes(engine: Host['engine']): Promise<object> {
  const minor = Number((await engine.apiVersion()).split('.')[1]);
  return minor >= 42 ? { all: ['true'] } : {};
}

interface SystemDf {
  LayersSize?: number;
  Containers?: Array<{ SizeRw?: number }> | null;
  Volumes?: Array<{ Name: string; UsageData?: { Size: number } | null }> | null;
}

/** What takes room on each host. Never rejects. */
export function diskUse(hosts: readonly Host[], signal: AbortSignal): Promise<DiskUse[]> {
  return Promise.all(
    hosts.map(async (host) => {
      const about = { node: host.key, name: nameOf(host) };
      try {
        if (host.status !== 'Healthy') throw new Error('its engine does not answer');
        const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
        const df = await host.engine.json<SystemDf>('GET', '/system/df', { signal: limit });
        return {
          ...about,
          layers: df.LayersSize ?? 0,
          containers: (df.Containers ?? []).reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0),
          volumes: Object.fromEntries(
            (df.Volumes ?? []).map(({ Name, UsageData }) => [Name, UsageData?.Size ?? -1]),
          ),
        };
      } catch (error) {
        return { ...about, error: messageOf(error), layers: 0, containers: 0, volumes: {} };
      }
    }),
  );
}
