/** `/v1/kv` and `/v1/session`, as libkv and classic Swarm's discovery use them. */
import { randomUUID } from 'node:crypto';
import type { Router } from '../../api/router.ts';
import { ApiError } from '../../model/errors.ts';
import type { RegistryKey, RegistrySession } from '../../model/registry-objects.ts';
import type { View } from '../../store/contract.ts';
import { type Command, keyId, type Result } from '../kv/command.ts';
import type { KeyWatch, Part } from '../kv/subject.ts';
import {
  type Answer,
  badRequest,
  durationOf,
  flag,
  notFound,
  type Question,
  type Route,
  type Subject,
} from './contract.ts';

export interface KvState {
  readonly view: View;
  readonly watch: KeyWatch;
  /** The name of this manager's host. */
  hostName(): string;
  /** Has the leader decide on it; resolves when this manager's view shows it. @throws ApiError */
  command(command: Command, signal: AbortSignal): Promise<Result>;
}

export function kvRoutes(router: Router<Route>, state: KvState): void {
  for (const path of ['/v1/kv/{key...}', '/v1/kv/', '/v1/kv']) {
    router.on('GET', path, (question) => read(question, state));
    router.on('PUT', path, (question) => write(question, state));
    router.on('DELETE', path, (question) => remove(question, state));
  }
  sessionRoutes(router, state);
}

const NOTHING: Answer = { status: 404, raw: '' };

function read({ params, query }: Question, { view, watch }: KvState): Subject {
  const key = params.key ?? '';
  const isKeys = flag(query, 'keys');
  const isAll = isKeys || flag(query, 'recurse');
  if (key === '' && !isAll) throw badRequest('Missing key name');
  const part: Part = { key, isPrefix: isAll };
  const now = (): Answer => {
    const one = isAll ? undefined : view.get('registryKey', keyId(key));
    const found = isAll ? below(view, key) : one ? [one] : [];
    if (found.length === 0) return NOTHING;
    if (isKeys) return { body: namesOf(found, key, query.get('separator') ?? '') };
    if (one && flag(query, 'raw'))
      return { raw: Buffer.from(one.value, 'base64'), type: 'application/octet-stream' };
    return { body: found.map(keyShape) };
  };
  return {
    index: () => watch.indexOf(part),
    changed: (known, ms, signal) => watch.wait(part, known, ms, signal),
    now,
  };
}

async function write({ params, query, bytes, signal }: Question, state: KvState): Promise<Answer> {
  const [acquire, release] = [query.get('acquire') ?? undefined, query.get('release') ?? undefined];
  if (acquire && release) throw badRequest('Conflicting flags: acquire and release');
  const flags = query.get('flags') ?? '0';
  if (!/^\d{1,16}$/.test(flags) || !Number.isSafeInteger(Number(flags)))
    throw badRequest(`Invalid flags: ${flags} is not a number below 2^53`);
  const value = (await bytes()).toString('base64');
  const command = {
    op: 'put',
    key: params.key ?? '',
    value,
    flags: Number(flags),
    acquire,
    release,
    cas: casOf(query),
  };
  return { body: (await state.command(command, signal)).done };
}

async function remove({ params, query, signal }: Question, state: KvState): Promise<Answer> {
  const key = params.key ?? '';
  const recurse = flag(query, 'recurse');
  if (key === '' && !recurse) throw badRequest('Missing key name');
  const cas = casOf(query);
  if (recurse && cas !== undefined) throw badRequest('Conflicting flags: recurse and cas');
  if (cas === 0) throw badRequest('cas must be above 0 to delete a key');
  return { body: await untilDone({ op: 'delete', key, recurse, cas }, state, signal) };
}

async function untilDone(command: Command, state: KvState, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const { done, more } = await state.command(command, signal);
    if (!more) return done;
  }
}

function casOf(query: URLSearchParams): number | undefined {
  const text = query.get('cas');
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`Invalid cas: ${text} is not an index`);
  return Number(text);
}

function below(view: View, prefix: string): RegistryKey[] {
  const found = [...view.all('registryKey')].filter(({ key }) => key.startsWith(prefix));
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The keys, each only as far as the first separator after the prefix. */
function namesOf(keys: readonly RegistryKey[], prefix: string, separator: string): string[] {
  const names = keys.map(({ key }) => {
    const at = separator === '' ? -1 : key.indexOf(separator, prefix.length);
    return at < 0 ? key : key.slice(0, at + separator.length);
  });
  return [...new Set(names)];
}

function keyShape({ key, value, flags, lockIndex, session, created, Version }: RegistryKey) {
  return {
    LockIndex: lockIndex,
    Key: key,
    Flags: flags,
    Value: value === '' ? null : value,
    ...(session === undefined ? {} : { Session: session }),
    CreateIndex: created ?? Version.Index,
    ModifyIndex: Version.Index,
  };
}

function sessionRoutes(router: Router<Route>, state: KvState): void {
  const { view, watch } = state;
  const subject = (now: () => unknown): Subject => ({
    index: () => watch.sessionsIndex,
    changed: (known, ms, signal) => watch.waitForSessions(known, ms, signal),
    now: (): Answer => ({ body: now() }),
  });
  const found = (id: string): RegistrySession[] => {
    const session = view.get('registrySession', id);
    return session ? [session] : [];
  };
  router.on('PUT', '/v1/session/create', (question) => create(question, state));
  router.on('PUT', '/v1/session/renew/{id}', async ({ params, signal }) => {
    const id = params.id!;
    const { done } = await state.command({ op: 'renew-session', session: id }, signal);
    if (!done) throw notFound(`Session id '${id}' not found`);
    return { body: found(id).map(sessionShape) };
  });
  router.on('PUT', '/v1/session/destroy/{id}', async ({ params, signal }) => ({
    body: await untilDone({ op: 'destroy-session', session: params.id! }, state, signal),
  }));
  router.get('/v1/session/info/{id}', ({ params }) => subject(() => found(params.id!).map(sessionShape)));
  router.get('/v1/session/list', () => subject(() => [...view.all('registrySession')].map(sessionShape)));
  router.get('/v1/session/node/{node}', ({ params }) =>
    subject(() =>
      [...view.all('registrySession')].filter(({ host }) => host === params.node).map(sessionShape),
    ),
  );
}

async function create({ bytes, signal }: Question, state: KvState): Promise<Answer> {
  const said = bodyOf(await bytes());
  checkChecks(said);
  const session = randomUUID();
  await state.command(
    {
      op: 'create-session',
      session,
      name: textOf(said, 'Name'),
      host: textOf(said, 'Node') || state.hostName(),
      behavior: textOf(said, 'Behavior') || 'release',
      ttl: timeOf(said, 'TTL'),
      lockDelay: timeOf(said, 'LockDelay'),
    },
    signal,
  );
  return { body: { ID: session } };
}

/** A body's values, by their names in small letters: Consul takes any, and clients write them in both. */
function bodyOf(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  try {
    const said: unknown = JSON.parse(bytes.toString());
    if (typeof said === 'object' && said !== null && !Array.isArray(said))
      return Object.fromEntries(Object.entries(said).map(([name, value]) => [name.toLowerCase(), value]));
  } catch {
    // Said below.
  }
  throw badRequest('Request decode failed: the body is no JSON object');
}

/** The host's own check is what clients give if they give any. @throws ApiError for others, which would end no session here */
function checkChecks(said: Readonly<Record<string, unknown>>): void {
  for (const name of ['Checks', 'NodeChecks', 'ServiceChecks']) {
    const checks = said[name.toLowerCase()] ?? [];
    if (!Array.isArray(checks) || checks.some((check) => check !== 'serfHealth'))
      throw badRequest(`${name}: checks end no sessions here; give the session a TTL`);
  }
}

function textOf(said: Readonly<Record<string, unknown>>, name: string): string {
  const value = said[name.toLowerCase()] ?? '';
  if (typeof value !== 'string' || value.length > 256)
    throw badRequest(`Request decode failed: ${name} is no text of at most 256 characters`);
  return value;
}

/** Milliseconds. Go's clients write times as text, or as nanoseconds. */
function timeOf(said: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = said[name.toLowerCase()];
  if (value === undefined || value === null || value === '') return undefined;
  // Consul takes small numbers for seconds.
  const time =
    typeof value === 'number'
      ? value < 1_000
        ? value * 1_000
        : value / 1e6
      : typeof value === 'string'
        ? durationOf(value)
        : undefined;
  if (time === undefined || !(time >= 0 && time < Infinity))
    throw badRequest(`Request decode failed: ${name} takes a time like 15s, not ${JSON.stringify(value)}`);
  return Math.round(time);
}

function sessionShape({ ID, name, host, ttl, behavior, lockDelay, Version }: RegistrySession) {
  return {
    ID,
    Name: name,
    Node: host,
    LockDelay: lockDelay * 1e6,
    Behavior: behavior,
    TTL: ttl === undefined ? '' : `${ttl / 1000}s`,
    NodeChecks: ['serfHealth'],
    ServiceChecks: null,
    CreateIndex: Version.Index,
    ModifyIndex: Version.Index,
  };
}

/** Errors of the leader's in the registry's form. */
export function kvError(error: unknown): unknown {
  return error instanceof ApiError && error.status === 503
    ? new ApiError(500, `No cluster leader: ${error.message}`)
    : error;
}
