/**
 * `/commit`: an image of a container. Clients look for it, tag it and push it where they have asked, so that of a task on
 * another host comes onto this one, and nothing of it stays there.
 */
import { type EngineClient, EngineUnavailableError } from '../../engine/client.ts';
import { findBuild, inspectImage, loadImage } from '../../engine/images.ts';
import { ApiError } from '../../model/errors.ts';
import { buildOf } from '../../model/image-build.ts';
import type { ApiContext, ApiRequest, JsonReply, Router } from '../router.ts';
import type { Place } from './reference.ts';
import { taskMeant, unreachable } from './whereabouts.ts';

export function commitRoutes(router: Router, context: ApiContext): void {
  router.post('/commit', async (request) => {
    const reference = request.query.get('container') ?? '';
    const meant = reference === '' ? undefined : await taskMeant(context, reference);
    if (!meant) return { pass: true };
    const { place, manager } = meant;
    if (place.nodeId === manager.nodeId) {
      const query = new URLSearchParams(request.query);
      query.set('container', place.container);
      return { forward: { query } };
    }
    try {
      return await commitThere(manager.engineOf(place.nodeId), place, context.engine, request);
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) throw error;
      throw unreachable(manager, place.nodeId, reference, error);
    }
  });
}

async function commitThere(
  there: EngineClient,
  { container }: Place,
  here: EngineClient,
  request: ApiRequest,
): Promise<JsonReply> {
  const { signal } = request;
  const { repo, tag, ...options } = Object.fromEntries(request.query);
  const bytes = await request.bytes();
  const made = await there.json<{ Id: string }>('POST', '/commit', {
    query: { ...options, container },
    headers: { 'content-type': 'application/json' },
    ...(bytes.length > 0 && { body: bytes }),
    signal,
  });
  try {
    const Id = await copy(there, made.Id, here, signal);
    if (repo) await tagOrRemove(here, Id, { repo, tag }, signal);
    return { status: 201, body: { Id } };
  } finally {
    await removeImage(there, made.Id);
  }
}

/** Returns the id that the image has here. */
async function copy(
  there: EngineClient,
  id: string,
  here: EngineClient,
  signal: AbortSignal,
): Promise<string> {
  const image = await inspectImage(there, id, signal);
  const build = image && buildOf(image);
  await loadImage(here, await there.stream('GET', '/images/get', { query: { names: id }, signal }), signal);
  const found = build === undefined ? undefined : await findBuild(here, undefined, build, signal);
  if (!found) throw new ApiError(500, 'the image was made, and the engine of this host did not take it');
  return found.image.Id;
}

async function tagOrRemove(
  engine: EngineClient,
  id: string,
  query: { repo: string; tag: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  try {
    await engine.json('POST', `/images/${id}/tag`, { query, signal });
  } catch (error) {
    await removeImage(engine, id);
    throw error;
  }
}

/** As far as nobody else uses it; an image without a name that stays is one that prune removes. */
async function removeImage(engine: EngineClient, id: string): Promise<void> {
  await engine.json('DELETE', `/images/${id}`).catch(() => undefined);
}
