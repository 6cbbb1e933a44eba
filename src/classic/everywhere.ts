/** Something that is done on many hosts at once. */
import type { Host } from '../fleet/contract.ts';
import { ApiError, messageOf } from '../model/errors.ts';
import { hostName } from './names.ts';

export interface Outcome<T> {
  host: Host;
  value?: T;
  error?: unknown;
}

/** Lets all finish, whatever comes of it. */
export function onAll<T>(
  hosts: readonly Host[],
  work: (host: Host) => Promise<T>,
): Promise<Array<Outcome<T>>> {
  return Promise.all(
    hosts.map((host) =>
      work(host).then(
        (value) => ({ host, value }),
        (error: unknown) => ({ host, error }),
      ),
    ),
  );
}

/**
 * What has worked. @throws ApiError with a line for each host where it has not, `node: text`, and their status if it is the
 * same for all
 */
export function allOf<T>(outcomes: ReadonlyArray<Outcome<T>>): T[] {
  const failed = outcomes.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return outcomes.map(({ value }) => value as T);
  const statuses = new Set(failed.map(({ error }) => (error instanceof ApiError ? error.status : 500)));
  const text = failed.map(({ host, error }) => `${hostName(host)}: ${messageOf(error)}`).join('\n');
  throw new ApiError(statuses.size === 1 ? [...statuses][0]! : 500, text);
}
