/**
 * What an image's name stands for just now: what a registry says, else what this host's engine has under it. An image
 * that was built here and is in no registry is known by its id, so that a new build under the same name is told from
 * the one before, and nodes get that very image.
 */

import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { Platform } from '../../model/spec.ts';
import { parseImageReference } from './image-reference.ts';

/** Milliseconds to wait for a registry: for an image that the engine has anyway, and for one that it has not. */
const PATIENCE = { present: 1000, absent: 5000 };

/** As `/distribution/{name}/json` answers. */
export interface Distribution {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: Array<Pick<Platform, 'Architecture' | 'OS'> | Record<string, unknown>>;
}

export interface LocalImage {
  Id: string;
  RepoDigests?: string[] | null;
  Architecture: string;
  Os: string;
}

/** Throws the engine's error, or ApiError 500 if nobody answers in time. */
export async function resolveImage(
  engine: EngineClient,
  name: string,
  { auth, signal }: { auth: string | undefined; signal: AbortSignal },
): Promise<Distribution> {
  const path = name.split('/').map(encodeURIComponent).join('/');
  const local = await engine
    .json<LocalImage>('GET', `/images/${path}/json`, { signal })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.status < 500) return undefined;
      throw error;
    });
  const patience = AbortSignal.timeout(local ? PATIENCE.present : PATIENCE.absent);
  try {
    return await engine.json<Distribution>('GET', `/distribution/${path}/json`, {
      headers: auth === undefined ? {} : { 'x-registry-auth': auth },
      signal: AbortSignal.any([signal, patience]),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (local) return localDistribution(name, local);
    if (!patience.aborted) throw error;
    throw new ApiError(500, `no registry has answered in time about ${name}`);
  }
}

/** The digest that the image was pulled by under that name, or its id where it never was. */
export function localDistribution(name: string, image: LocalImage): Distribution {
  const repository = parseImageReference(name)?.name;
  const pulled = (image.RepoDigests ?? []).find((known) => known.startsWith(`${familiar(repository)}@`));
  return {
    Descriptor: {
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      digest: pulled?.slice(pulled.indexOf('@') + 1) ?? image.Id,
      size: 0,
    },
    Platforms: [{ architecture: image.Architecture, os: image.Os }],
  };
}

/** Without the default registry, as engines list names. */
function familiar(repository = ''): string {
  return repository.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}
