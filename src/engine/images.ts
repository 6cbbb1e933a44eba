/** Images of an engine by which build they are, whatever they are called there. */
import type { Readable } from 'node:stream';
import { ApiError } from '../model/errors.ts';
import { buildOf, type ImageContent } from '../model/image-build.ts';
import type { EngineClient } from './client.ts';
import { jsonLines } from './lines.ts';

/** The engine's answer about an image, as far as it is used. */
export interface LocalImage extends ImageContent {
  Id: string;
  RepoDigests?: string[] | null;
  /** Since API 1.53. */
  Identity?: { Pull?: Array<{ Repository: string }> | null } | null;
  Size?: number;
}

/** Which builds the images of an engine are, by their ids: what is under an id does not change. */
const known = new WeakMap<EngineClient, Map<string, string | undefined>>();

/** @param name or id @returns undefined if the engine has none. Throws the engine's other errors. */
export async function inspectImage(
  engine: EngineClient,
  name: string,
  signal?: AbortSignal,
): Promise<LocalImage | undefined> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  // In the engine's newest version: where an image comes from is in no older one.
  const { ApiVersion: apiVersion } = await engine.version();
  try {
    return await engine.json<LocalImage>('GET', `/images/${path}/json`, { signal, apiVersion });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * The image that is that build, with what to call it: by `tag` if that stands for it, else by its id. Undefined if the
 * engine has none.
 */
export async function findBuild(
  engine: EngineClient,
  tag: string | undefined,
  build: string,
  signal?: AbortSignal,
): Promise<{ name: string; image: LocalImage } | undefined> {
  const tagged = tag === undefined ? undefined : await inspectImage(engine, tag, signal);
  if (tagged && buildOf(tagged) === build) return { name: tag!, image: tagged };
  const listed = await engine.json<Array<{ Id: string }>>('GET', '/images/json', { signal });
  const before = known.get(engine);
  const builds = new Map<string, string | undefined>();
  for (const { Id } of listed) {
    if (before?.has(Id)) builds.set(Id, before.get(Id));
    else if (!builds.has(Id)) {
      const image = await inspectImage(engine, Id, signal);
      if (image) builds.set(Id, buildOf(image));
    }
  }
  known.set(engine, builds);
  const [id] = [...builds].find(([, of]) => of === build) ?? [];
  const image = id && (await inspectImage(engine, id, signal));
  return image ? { name: id, image } : undefined;
}

/** Has the engine take images as `docker save` writes them. Throws ApiError with what it says against them. */
export async function loadImage(engine: EngineClient, body: Readable, signal?: AbortSignal): Promise<void> {
  const headers = { 'content-type': 'application/x-tar' };
  const answer = await engine.stream('POST', '/images/load', { query: { quiet: 1 }, headers, body, signal });
  for await (const line of jsonLines<Progress>(answer)) {
    const error = errorIn(line);
    if (error !== undefined) throw new ApiError(500, error);
  }
}

/** A line of what an engine says while it pulls or loads an image. */
export interface Progress {
  /** Left out by engines to come. */
  error?: string;
  errorDetail?: { message?: string };
}

export function errorIn({ error, errorDetail }: Progress): string | undefined {
  return errorDetail?.message || error || undefined;
}
