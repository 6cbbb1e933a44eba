/** Requests as they are written: queries and bodies. */
import type { Readable } from 'node:stream';

/** Values that are undefined are left out; objects are sent as JSON (filters). */
export type Query = Record<string, string | number | boolean | object | undefined>;

/** With its question mark; objects as JSON, undefined values left out. */
export function queryString(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined)
      parameters.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** What is sent for a body, and the headers that say so. */
export function encodeBody(body: unknown): {
  bytes?: Buffer;
  stream?: Readable;
  headers: Record<string, string>;
} {
  if (body === undefined) return { headers: {} };
  if (isReadable(body)) return { stream: body, headers: {} };
  const plain = typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = Buffer.from(plain ? body : JSON.stringify(body));
  return {
    bytes,
    headers: {
      ...(plain ? {} : { 'content-type': 'application/json' }),
      'content-length': String(bytes.length),
    },
  };
}

function isReadable(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}

export function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}
