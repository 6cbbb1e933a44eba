/** How a container comes to be: its wishes read, its name and place kept, made by the engine that was chosen. */
import { randomBytes } from 'node:crypto';
import { keyOf, part, set, text, texts } from '../api/body-object.ts';
import { EngineUnavailableError } from '../engine/client.ts';
import { errorIn, type Progress } from '../engine/images.ts';
import { jsonLines } from '../engine/lines.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import { ApiError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { callJson, queryString, spokenWith } from './engine-call.ts';
import { findContainer } from './lookup.ts';
import { hostName, isCalled } from './names.ts';
import {
  type Ask,
  askOf,
  type Body,
  consolidated,
  cpuShares,
  expressions,
  SWARM_ID,
  withExpression,
} from './rules/container-config.ts';
import { parseExpression } from './rules/expression.ts';
import { repository } from './rules/filters.ts';

export interface CreateRequest {
  /** Empty: the engine makes one up. */
  name: string;
  body: Body;
  /** The container that it takes the place of. */
  except?: string;
  /** `platform` and what else the engine is to be asked. */
  query?: Record<string, string>;
  /** Credentials for the registry, as clients send them. */
  registryAuth?: string;
  signal?: AbortSignal;
}

export interface Created {
  host: Host;
  id: string;
  warnings: string[];
}

/** @throws ApiError with the refusal, or what the engine says against it */
export async function createContainer(
  cluster: Cluster,
  request: CreateRequest,
  options: { retries: number; log: Logger },
): Promise<Created> {
  const asked = withContainers(cluster, consolidated(request.body));
  const body = withSwarmId(withLocalNetwork(cluster, withoutHosts(cluster, asked)));
  const ask = askOf(request.name, body);
  const release = cluster.claimName(request.name, request.except);
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt(cluster, request, body, ask);
      } catch (error) {
        const isHosts = error instanceof CreateFailed || error instanceof EngineUnavailableError;
        if (request.signal?.aborted || !isHosts) throw error;
        const elsewhere = error instanceof CreateFailed && imageElsewhere(cluster, ask, error);
        if (elsewhere) return await attempt(cluster, request, body, elsewhere);
        if (tries >= options.retries) throw error;
        options.log.warn({}, `Failed to create container: ${error.message}, retrying`);
      }
    }
  } catch (error) {
    throw error instanceof CreateFailed ? error.cause : error;
  } finally {
    release();
  }
}

/** The engine that was chosen did not make it. */
class CreateFailed extends Error {
  override readonly cause: unknown;
  readonly noImage: boolean;
  constructor(cause: unknown, noImage: boolean) {
    super((cause as Error).message);
    this.cause = cause;
    this.noImage = noImage;
  }
}

async function attempt(cluster: Cluster, request: CreateRequest, body: Body, ask: Ask): Promise<Created> {
  const place = cluster.place(ask);
  const { host } = place;
  try {
    const sent = withShares(body, ask, host);
    const created = await make(host, request, sent, ask);
    await place.made(created.Id);
    return { host, id: created.Id, warnings: created.Warnings ?? [] };
  } catch (error) {
    place.release();
    if (!(error instanceof CreateFailed)) cluster.fleet.doubt(host.key);
    throw error;
  }
}

interface EngineCreated {
  Id: string;
  Warnings?: string[] | null;
}

async function make(host: Host, request: CreateRequest, body: Body, ask: Ask): Promise<EngineCreated> {
  const { signal } = request;
  const query = { ...request.query, ...(request.name !== '' && { name: request.name }) };
  const create = (): Promise<EngineCreated> =>
    callJson<EngineCreated>(host, 'POST', '/containers/create', { query, body, signal });
  try {
    return await create();
  } catch (error) {
    if (!isNoImage(error)) throw failed(error, false);
  }
  try {
    await pull(host, ask.image, request);
  } catch (error) {
    throw failed(error, true);
  }
  try {
    return await create();
  } catch (error) {
    throw failed(error, isNoImage(error));
  }
}

function failed(error: unknown, noImage: boolean): unknown {
  // Clients take "not found" for a missing image, and would pull it.
  if (error instanceof ApiError && error.status === 404 && !noImage)
    return new CreateFailed(new ApiError(500, error.message), false);
  return error instanceof ApiError && error.status !== 503 ? new CreateFailed(error, noImage) : error;
}

function isNoImage(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && /no such image/i.test(error.message);
}

async function pull(
  host: Host,
  image: string,
  { registryAuth, query, signal }: CreateRequest,
): Promise<void> {
  const tag = repository(image) === image && !image.includes('@') ? { tag: 'latest' } : {};
  const asked = queryString({
    fromImage: image,
    ...tag,
    ...(query?.platform && { platform: query.platform }),
  });
  const headers: Record<string, string> = registryAuth ? { 'x-registry-auth': registryAuth } : {};
  const apiVersion = await spokenWith(host);
  const lines = await host.engine.stream('POST', `/images/create${asked}`, { headers, signal, apiVersion });
  for await (const line of jsonLines<Progress>(lines)) {
    const error = errorIn(line);
    if (error !== undefined) throw new ApiError(404, error);
  }
}

/** The same wish for hosts that have the image, if its own host could not get it and some other one has it. */
function imageElsewhere(cluster: Cluster, ask: Ask, error: CreateFailed): Ask | undefined {
  if (!error.noImage || ask.image === '') return undefined;
  if (ask.constraints.some(({ key, operator, soft }) => key === 'node' && operator === '==' && !soft))
    return undefined;
  const image = ask.image.includes(':') ? ask.image : `${ask.image}:latest`;
  const isThere = cluster
    .healthy()
    .some(({ images }) =>
      images.some(({ Id, RepoTags, RepoDigests }) =>
        [Id, ...(RepoTags ?? []), ...(RepoDigests ?? [])].some(
          (name) => name === image || name === ask.image,
        ),
      ),
    );
  if (!isThere) return undefined;
  const escaped = ask.image.replace(/[.+?^$|()[\]\\]/g, '\\$&');
  return { ...ask, affinities: [...ask.affinities, parseExpression(`image==${escaped}`)] };
}

function withSwarmId(body: Body): Body {
  const labels = part(body, 'Labels') as Record<string, string>;
  return labels[SWARM_ID]
    ? body
    : set(body, 'Labels', { ...labels, [SWARM_ID]: randomBytes(32).toString('hex') });
}

/** Processors are asked for by number; the engine takes shares of all that it has. */
function withShares(body: Body, ask: Ask, { facts }: Host): Body {
  const host = { ...part(body, 'HostConfig') };
  const legacy = { Memory: ask.memory, CpuShares: ask.cpus };
  for (const [field, value] of Object.entries(legacy)) if (value > 0) host[keyOf(host, field)] = value;
  if (ask.cpus > 0) host[keyOf(host, 'CpuShares')] = cpuShares(ask.cpus, facts?.cpus ?? 1);
  return set(body, 'HostConfig', host);
}

/** Containers that it depends on are named as their engine knows them. */
function withContainers(cluster: Cluster, body: Body): Body {
  const host = part(body, 'HostConfig');
  const known = (reference: string): string => {
    const container = findContainer(cluster.hosts(), reference)?.container;
    const bare = reference.replace(/^\//, '');
    const isEngines = !container || container.id.startsWith(reference) || container.name === bare;
    return isEngines ? reference : container.name;
  };
  const renamed = (text: string): string => {
    const [reference = '', ...rest] = text.split(':');
    return [known(reference), ...rest].join(':');
  };
  const mode = text(host[keyOf(host, 'NetworkMode')]);
  const changes: Body = {};
  for (const field of ['VolumesFrom', 'Links']) {
    const before = texts(host[keyOf(host, field)]);
    if (before.length > 0) changes[keyOf(host, field)] = before.map(renamed);
  }
  if (mode.startsWith('container:'))
    changes[keyOf(host, 'NetworkMode')] = `container:${known(mode.slice(10))}`;
  return Object.keys(changes).length === 0 ? body : set(body, 'HostConfig', { ...host, ...changes });
}

/** Networks are named without their host. */
function withoutHosts(cluster: Cluster, body: Body): Body {
  const endpoints = part(part(body, 'NetworkingConfig'), 'EndpointsConfig');
  if (Object.keys(endpoints).length === 0) return body;
  const bare = Object.entries(endpoints).map(([name, value]) => [withoutHost(cluster, name), value]);
  return set(body, 'NetworkingConfig', {
    ...part(body, 'NetworkingConfig'),
    EndpointsConfig: Object.fromEntries(bare),
  });
}

export function withoutHost(cluster: Cluster, name: string): string {
  const slash = name.indexOf('/');
  const isHost = slash > 0 && cluster.hosts().some((host) => isCalled(host, name.slice(0, slash)));
  return isHost ? name.slice(slash + 1) : name;
}

const BUILT_IN = ['', 'default', 'bridge', 'host', 'none'];

/** A network that some hosts have, each its own, pulls the container to one of them, softly. */
function withLocalNetwork(cluster: Cluster, body: Body): Body {
  const host = part(body, 'HostConfig');
  const mode = text(host[keyOf(host, 'NetworkMode')]);
  if (BUILT_IN.includes(mode) || mode.startsWith('container:')) return body;
  const bare = withoutHost(cluster, mode);
  const named = bare === mode ? undefined : mode.slice(0, mode.length - bare.length - 1);
  const found = cluster
    .registered()
    .filter((each) => named === undefined || isCalled(each, named))
    .flatMap((each) =>
      each.networks
        .filter(({ Name, Id }) => Name === bare || Id === bare)
        .map((network) => ({ host: each, network })),
    );
  if (found.length === 0 || found.some(({ network }) => network.Scope !== 'local')) return body;
  const moved = set(body, 'HostConfig', set(host, 'NetworkMode', bare));
  const labels = part(moved, 'Labels') as Record<string, string>;
  const isBound = expressions(labels, 'constraint').some((each) => /^node==(?!~)/.test(each));
  if (isBound) return moved;
  const [first = '', ...others] = found.map((each) => hostName(each.host));
  const escaped = [first, ...others].map((name) => name.replaceAll('.', '\\.'));
  const value = others.length === 0 ? first : `/^(${escaped.join('|')})$/`;
  return set(moved, 'Labels', withExpression(labels, 'constraint', `node==~${value}`));
}
