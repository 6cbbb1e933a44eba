/** Hosts as requests name them, and requests that are passed on to one. */
import type { ApiRequest, StreamReply } from '../../api/router.ts';
import { EngineUnavailableError } from '../../engine/client.ts';
import type { Host } from '../../fleet/contract.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { ApiError } from '../../model/errors.ts';
import { nameOf } from './rows.ts';

/** By the node's id or its name. @throws ApiError 404, 503 if it does not answer */
export function hostNamed(fleet: Fleet, reference: string): Host {
  const host = fleet.host(reference) ?? fleet.hosts().find((each) => nameOf(each) === reference);
  if (!host) throw new ApiError(404, `there is no node ${reference}`);
  if (host.status !== 'Healthy')
    throw new ApiError(503, `the engine of ${nameOf(host)} does not answer${problemOf(host)}`);
  return host;
}

/** Those that are named, or all. @throws ApiError 404 */
export function hostsNamed(fleet: Fleet, references: readonly string[] | null | undefined): Host[] {
  if (!references || references.length === 0) return fleet.hosts();
  return references.map((reference) => {
    const host = fleet.host(reference) ?? fleet.hosts().find((each) => nameOf(each) === reference);
    if (!host) throw new ApiError(404, `there is no node ${reference}`);
    return host;
  });
}

function problemOf({ problem }: Host): string {
  return problem ? `: ${problem}` : '';
}

/** The host's answer as it comes, with the query of the request. @throws ApiError 503 */
export async function passedTo(
  fleet: Fleet,
  host: Host,
  path: string,
  request: ApiRequest,
  body?: unknown,
): Promise<StreamReply> {
  try {
    const { method, query, signal } = request;
    const answer = await host.engine.request(method, path, {
      query: Object.fromEntries(query),
      ...(body !== undefined && { body }),
      signal,
    });
    const type = answer.headers['content-type'];
    const length = answer.headers['content-length'];
    const file = answer.headers['content-disposition'];
    return {
      status: answer.status,
      headers: {
        ...(type && { 'Content-Type': type }),
        ...(length && { 'Content-Length': length }),
        ...(file && { 'Content-Disposition': file }),
      },
      stream: answer.body,
      lasting: true,
    };
  } catch (error) {
    if (!(error instanceof EngineUnavailableError)) throw error;
    fleet.doubt(host.key);
    throw new ApiError(503, `the engine of ${nameOf(host)} does not answer`);
  }
}
