/** Where a container is that a request only mentions: in a query, or in the description of something else. */
import { type EngineClient, EngineUnavailableError } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { ManagerFace } from '../contract.ts';
import type { ApiContext } from '../router.ts';
import { findPlace, LEAST, type Place } from './reference.ts';

/** Whether this host's engine has a container of that name, or whose id begins like that. */
export async function isHere(engine: EngineClient, reference: string): Promise<boolean> {
  const { status, body } = await engine.request('GET', `/containers/${encodeURIComponent(reference)}/json`);
  body.resume();
  return status !== 404;
}

/** The task whose container a manager's client means; undefined where this host's engine knows better, or nobody does. */
export async function taskMeant(
  { engine, membership }: ApiContext,
  reference: string,
): Promise<{ place: Place; manager: ManagerFace } | undefined> {
  const manager = membership.manager();
  const place = manager && findPlace(manager.store.view, reference, LEAST);
  if (!place || (place.by !== 'full' && (await isHere(engine, reference)))) return undefined;
  return { place, manager };
}

/**
 * What this host's engine calls the container that the reference means. Throws ApiError 409 if it is a task's on another
 * host; `what` says what has to be where the container is.
 */
export async function nameHere(context: ApiContext, reference: string, what: string): Promise<string> {
  const meant = reference === '' ? undefined : await taskMeant(context, reference);
  if (!meant) return reference;
  const { place, manager } = meant;
  if (place.nodeId === manager.nodeId) return place.container;
  throw new ApiError(409, `${what}: ${reference} is a task on node ${hostName(manager, place.nodeId)}`);
}

function hostName({ store }: ManagerFace, nodeId: string): string {
  return store.view.get('node', nodeId)?.Description?.Hostname ?? nodeId;
}

/** What to tell the client when the engine of the host that has what it asks for does not answer. */
export function unreachable(manager: ManagerFace, nodeId: string, reference: string, error: Error): Error {
  if (!(error instanceof EngineUnavailableError)) return error;
  const node = manager.store.view.get('node', nodeId);
  const state = node && node.Status.State !== 'ready' ? ` (${node.Status.State})` : '';
  const why = error.cause instanceof ApiError ? `: ${error.cause.message}` : '';
  return new ApiError(
    503,
    `Cannot connect to the Docker daemon of node ${hostName(manager, nodeId)}${state}, which has ${reference}${why}. Is the node up?`,
  );
}
