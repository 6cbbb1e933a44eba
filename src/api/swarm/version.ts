/** The version of an object that a client has to name when it changes it. */
import { rpcError } from '../../model/errors.ts';

interface Versioned {
  Version: { Index: number };
  internal: object & { specAfter?: number };
}

/** Throws unless the caller has read the object with the spec that it has now. */
export function checkVersion(
  { Version: { Index }, internal: { specAfter = Index } }: Versioned,
  version: number,
): void {
  if (version === Index || (version > specAfter && version < Index)) return;
  throw rpcError('Unknown', 'update out of sequence');
}
