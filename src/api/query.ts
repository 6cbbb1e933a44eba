/** Query parameters as Docker reads them. */
import { ApiError } from '../model/errors.ts';

/** Anything but '', 0, no, false and none means true. */
export function boolValue(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase());
}

/**
 * The `version` that an update was made from. `object` is what the message calls it (service, node, swarm, …).
 * Throws ApiError 400. A number above 2^53 cannot be a version of ours; it comes back as NaN, equal to none.
 */
export function versionValue(query: URLSearchParams, object: string): number {
  const text = query.get('version') ?? '';
  const fail = (why: string): never => {
    throw new ApiError(
      400,
      `invalid ${object} version '${text}': strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
    );
  };
  if (!/^[0-9]+$/.test(text)) fail('invalid syntax');
  if (BigInt(text) > 0xffffffffffffffffn) fail('value out of range');
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Compares API versions ('1.9' < '1.41'): negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
