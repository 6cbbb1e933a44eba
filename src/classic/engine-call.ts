/** Calls of hosts' engines in the version that clients of the cluster speak. */

import { compareVersions } from '../api/query.ts';
import { type EngineResponse, type RequestOptions, readAll } from '../engine/client.ts';
import { queryString } from '../engine/encode.ts';
import type { Host } from '../fleet/contract.ts';
import { API_VERSION } from './views/info.ts';

/** What engines as old as that speak at least. */
const OLDEST = '1.12';

/** The version to speak with a host's engine where that one was asked for. */
export async function spokenWith(host: Host, asked = API_VERSION): Promise<string> {
  const { ApiVersion, MinAPIVersion = OLDEST } = await host.engine.version();
  if (compareVersions(asked, ApiVersion) > 0) return ApiVersion;
  return compareVersions(asked, MinAPIVersion) < 0 ? MinAPIVersion : asked;
}

/** Path segments as they go into a request's target. */
export const segment = encodeURIComponent;
export const segments = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

export const withQuery = (path: string, query: URLSearchParams): string =>
  query.size === 0 ? path : `${path}?${query}`;

/** @throws ApiError, EngineUnavailableError */
export async function callJson<T>(
  host: Host,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  return host.engine.json<T>(method, path, { ...options, apiVersion: await spokenWith(host) });
}

/** The answer of whatever status, with its body read. */
export async function callWhole(
  host: Host,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<{ status: number; headers: EngineResponse['headers']; body: Buffer }> {
  const apiVersion = options.apiVersion ?? (await spokenWith(host));
  const answer = await host.engine.request(method, path, { ...options, apiVersion });
  return { status: answer.status, headers: answer.headers, body: await readAll(answer.body) };
}

export { queryString };
