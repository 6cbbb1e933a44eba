/** What an image's name stands for just now: in a registry, and on this host's engine. */
import type { EngineClient } from '../../../engine/client.ts';
import { ApiError } from '../../../model/errors.ts';
import type { Platform } from '../../../model/spec.ts';
import { parseImageReference } from './reference.ts';

/** Milliseconds to wait for a registry. Clients wait as long with creating a service. */
const PATIENCE = 5000;

/** As `/distribution/{name}/json` answers. */
export interface Distribution {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: Array<Pick<Platform, 'Architecture' | 'OS'> | Record<string, unknown>>;
}

export interface LocalImage {
  Id: string;
  RepoDigests?: string[] | null;
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

/** The id of the image, if this host's engine has it under this name and it was not pulled by that. */
export async function builtImage(
  engine: EngineClient,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reference = parseImageReference(name);
  if (!reference || reference.digest !== undefined) return undefined;
  const image = await engine
    .json<LocalImage>('GET', `/images/${pathOf(name)}/json`, { signal })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      // Nobody needs to know: then it is the tag that counts, as it does in other swarms.
      if (error instanceof ApiError) return undefined;
      throw error;
    });
  return image && !wasPulled(reference.name, image) ? image.Id : undefined;
}

export function wasPulled(name: string, { RepoDigests }: LocalImage): boolean {
  return (RepoDigests ?? []).some((known) => known.startsWith(`${familiar(name)}@`));
}

function pathOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

/** Without the default registry, as engines list names. */
export function familiar(name: string): string {
  return name.replace(/^(index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
}
