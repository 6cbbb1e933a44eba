/** Token services: a list of addresses under a name that nobody can guess. */
import { type Discovery, DiscoveryError, type DiscoveryOptions } from './contract.ts';
import { addresses } from './entries.ts';
import { polled } from './poll.ts';

/** Where a service is asked that has to be named: the hosted one was shut down in 2019. */
export const SERVICE_VARIABLE = 'SWARM_DISCOVERY_SERVICE';

/** How long (ms) a service may take to answer. */
const PATIENCE = 30_000;

/** The service that is meant when none is named. @throws DiscoveryError */
export function defaultService(): string {
  const service = process.env[SERVICE_VARIABLE];
  if (service) return service.replace(/\/$/, '').replace(/^(?!https?:\/\/)/, 'http://');
  throw new DiscoveryError(
    'there is no token service: the hosted one was shut down in 2019. Start one with "essaim discovery --host tcp://0.0.0.0:4243", ' +
      `and set ${SERVICE_VARIABLE}=http://HOST:4243/v1 here and wherever the token is used, or write token://HOST:4243/v1/TOKEN`,
  );
}

/** A new token of that service. @throws DiscoveryError */
export async function createToken(service: string): Promise<string> {
  const answer = await ask(`${service}/clusters`, { method: 'POST' });
  return (await answer.text()).trim();
}

/** `token://T` or `token://host/path/T`. @throws DiscoveryError */
export function tokenDiscovery(rest: string, { heartbeat, failed }: DiscoveryOptions): Discovery {
  const at = rest.lastIndexOf('/');
  const token = rest.slice(at + 1);
  if (token === '') throw new DiscoveryError('token is empty');
  const service = (): string => (at < 0 ? defaultService() : `http://${rest.slice(0, at)}`);
  const url = (): string => `${service()}/clusters/${encodeURIComponent(token)}`;
  // What cannot be had later either is said at once.
  url();
  const list = async (signal: AbortSignal): Promise<string[]> => {
    const found: unknown = await (await ask(url(), { signal })).json();
    if (!Array.isArray(found)) throw new DiscoveryError(`${url()} does not answer with a list`);
    return addresses(found.map(String));
  };
  return {
    scheme: 'token',
    watch: (signal) => polled(list, heartbeat, failed, signal),
    async register(address, ttl, signal) {
      await ask(`${url()}?ttl=${ttl}`, { method: 'POST', body: address, signal });
    },
  };
}

async function ask(url: string, { signal, ...init }: RequestInit): Promise<Response> {
  const patience = AbortSignal.timeout(PATIENCE);
  const both = signal ? AbortSignal.any([signal, patience]) : patience;
  const answer = await fetch(url, { ...init, signal: both }).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    throw new DiscoveryError(`${init.method ?? 'GET'} ${url}: ${cause}`);
  });
  if (answer.ok) return answer;
  await answer.body?.cancel();
  throw new DiscoveryError(
    `Failed to fetch entries, Discovery service returned ${answer.status} HTTP status code`,
  );
}
