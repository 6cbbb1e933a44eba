/** What an image's name stands for just now: in a registry, and on this host's engine. */

import type { EngineClient } from '../../../engine/client.ts';
import { inspectImage, type LocalImage } from '../../../engine/images.ts';
import { ApiError } from '../../../model/errors.ts';
import { buildOf } from '../../../model/image-build.ts';
import type { Platform } from '../../../model/spec.ts';
import { parseImageReference } from './reference.ts';

/** Milliseconds to wait for a registry. Clients wait as long with creating a service. */
const PATIENCE = 5000;

/** As `/distribution/{name}/json` answers. */
export interface Distribution {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: Array<Pick<Platform, 'Architecture' | 'OS'> | Record<string, unknown>>;
}

/** Asks the registry. Throws the engine's error, or ApiError 500 if nobody answers in time. */
export async function resolveImage(
  engine: EngineClient,
  name: string,
  { auth, signal }: { auth: string | undefined; signal: AbortSignal },
): Promise<Distribution> {
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    return await engine.json<Distribution>('GET', `/distribution/${pathOf(name)}/json`, {
      headers: auth === undefined ? {} : { 'x-registry-auth': auth },
      signal: AbortSignal.any([signal, patience]),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.aborted) throw error;
    throw new ApiError(500, `no registry has answered in time about ${name}`);
  }
}

/** Which build is under this name on this host's engine, if it has it and it was not pulled by that name. */
export async function builtImage(
  engine: EngineClient,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reference = parseImageReference(name);
  if (!reference || reference.digest !== undefined) return undefined;
  const image = await inspectImage(engine, name, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    // Nobody needs to know: then it is the tag that counts, as it does in other swarms.
    if (error instanceof ApiError) return undefined;
    throw error;
  });
  return image && !wasPulled(reference.name, image) ? buildOf(image) : undefined;
}

/**
 * Whether a registry gave the image under this name, or took it. Stores that call images by the digest of their manifest
 * list that digest for every tag, with or without a registry: there it is known from API 1.53 on, and not to be the case
 * before.
 */
export function wasPulled(name: string, { Id, RepoDigests, Identity }: LocalImage): boolean {
  const short = familiar(name);
  const own = `${short}@${Id}`;
  return (
    (Identity?.Pull ?? []).some(({ Repository }) => familiar(Repository) === short) ||
    (RepoDigests ?? []).some((known) => known.startsWith(`${short}@`) && known !== own)
  );
}

function pathOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

/** Without the default registry, as engines list names. */
export function familiar(name: string): string {
  return name.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}
