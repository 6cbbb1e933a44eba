/** Versions of the Docker API: which one an answer is in, and which one an engine is asked in. */
import type { OutgoingHttpHeaders } from 'node:http';
import { MAX_API_VERSION, servedVersion } from '../engine/client.ts';
import { ApiError } from '../model/errors.ts';
import { compareVersions } from './query.ts';
import type { Destination } from './remote/destination.ts';
import type { Target } from './target.ts';

/** What is assumed of an engine that has never answered yet: the oldest that Essaim works with. */
export const OLDEST_ENGINE = { Version: 'unknown', ApiVersion: '1.41', MinAPIVersion: '1.12' };

type EngineVersion = typeof OLDEST_ENGINE;

/** What every answer says about the engine. */
export function headersOf(engine: EngineVersion): OutgoingHttpHeaders {
  return {
    'Api-Version': servedVersion(engine),
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Docker/${engine.Version} (linux)`,
  };
}

/** The version to answer in. Throws ApiError 400 with Docker's texts. */
export function checkVersion(target: Target, engine: EngineVersion): string {
  const newest = servedVersion(engine);
  const { version } = target;
  if (version === undefined) return newest;
  if (compareVersions(version, engine.MinAPIVersion) < 0) {
    throw new ApiError(
      400,
      `client version ${version} is too old. Minimum supported API version is ${engine.MinAPIVersion}, please upgrade your client to a newer version`,
    );
  }
  // Clients that do not ask first and are bound to a newer version get it, if the engine knows it: in what is not passed on
  // to the engine it differs from the newest that is told here by additions alone.
  if (compareVersions(version, engine.ApiVersion) > 0) {
    throw new ApiError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${engine.ApiVersion}`,
    );
  }
  return version;
}

/**
 * What the local engine is asked for, `raw` being path and query without version.
 * Without a version the engine would answer in its newest one, which may be newer than what is served here.
 */
export function enginePath(target: Target, raw: string, served: string): string {
  if (target.version !== undefined) return `/v${target.version}${raw}`;
  return served === MAX_API_VERSION ? `/v${served}${raw}` : raw;
}

/** What the engine of another host is asked for. */
export function destinationPath(target: Target, { raw, version }: Destination, served: string): string {
  return version === undefined ? enginePath(target, raw, served) : `/v${version}${raw}`;
}
