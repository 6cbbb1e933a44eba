/** Changes of keys and sessions, as their leader decides on them. Pure. */
import { endOfSession } from '../../control/registry-sessions.ts';
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { RegistryKey, RegistrySession } from '../../model/registry-objects.ts';
import { boolean, integer, object, optional, type Static, text } from '../../model/schema.ts';
import type { Change, Decision, View } from '../../store/contract.ts';

/** It is for what finds its hosts and its leader by it, no database. */
const MOST_KEYS = 10_000;
const MOST_SESSIONS = 2_000;
const MOST_KEY = 512;
/** Keys that go with one request. */
const BATCH = 100;

/** One change, as it goes to the leader. */
export const CommandBody = object({
  op: text(),
  key: optional(text()),
  /** Base64. */
  value: optional(text()),
  flags: optional(integer()),
  /** A number of the key's ModifyIndex. */
  cas: optional(integer()),
  acquire: optional(text()),
  release: optional(text()),
  recurse: optional(boolean()),
  session: optional(text()),
  name: optional(text()),
  host: optional(text()),
  behavior: optional(text()),
  /** Milliseconds. */
  ttl: optional(integer()),
  lockDelay: optional(integer()),
});
export type Command = Static<typeof CommandBody>;

export interface Result {
  /** Whether it was done; where not, a condition of it did not hold. */
  done: boolean;
  /** There are more keys to be deleted: ask again. */
  more?: boolean;
}

export interface Context {
  /** Milliseconds since the epoch. */
  now: number;
}

type Decided = Decision<Result> & { result: Result };

const NOT_DONE: Decided = { changes: [], result: { done: false } };
const done = (...changes: Change[]): Decided => ({ changes, result: { done: true } });

export const keyId = (key: string): string => encodeURIComponent(key);

/** @throws ApiError for what can never be done */
export function decide(command: Command, view: View, context: Context): Decided {
  switch (command.op) {
    case 'put':
      return put(command, view, context);
    case 'delete':
      return remove(command, view);
    case 'create-session':
      return createSession(command, view, context);
    case 'renew-session':
      return renewSession(command, view, context);
    case 'destroy-session':
      return destroySession(command, view, context);
    default:
      throw new ApiError(400, `${command.op} is nothing that the registry's store does`);
  }
}

function put(command: Command, view: View, { now }: Context): Decided {
  const key = keyOf(command);
  const before = view.get('registryKey', keyId(key));
  const { cas, acquire, release } = command;
  if (cas !== undefined && cas !== null && cas !== (before?.Version.Index ?? 0)) return NOT_DONE;
  if (!before && view.count('registryKey') >= MOST_KEYS)
    throw new ApiError(500, `the registry's store has ${MOST_KEYS} keys already, which is all that it takes`);
  const held: Partial<RegistryKey> = {};
  if (acquire) {
    if (!view.get('registrySession', acquire)) throw new ApiError(500, `invalid session "${acquire}"`);
    if (before?.session !== undefined && before.session !== acquire) return NOT_DONE;
    if (before && now < (before.delayedUntil ?? 0)) return NOT_DONE;
    const isNew = before?.session !== acquire;
    Object.assign(held, { session: acquire, lockIndex: (before?.lockIndex ?? 0) + (isNew ? 1 : 0) });
  } else if (release) {
    if (before?.session !== release) return NOT_DONE;
    Object.assign(held, { session: undefined });
  }
  const base: RegistryKey = before
    ? { ...before, created: before.created ?? before.Version.Index, UpdatedAt: timestamp(now) }
    : newKey(key, now);
  const object = { ...base, value: command.value ?? '', flags: command.flags ?? 0, ...held };
  if (object.session === undefined) delete object.session;
  return done({ op: 'put', kind: 'registryKey', object });
}

function newKey(key: string, now: number): RegistryKey {
  const at = { CreatedAt: timestamp(now), UpdatedAt: timestamp(now) };
  const meta = { ID: keyId(key), Version: { Index: 0 }, ...at };
  return { ...meta, key, value: '', flags: 0, lockIndex: 0, internal: {} };
}

function remove({ key = '', recurse, cas }: Command, view: View): Decided {
  const found = recurse
    ? [...view.all('registryKey')].filter((each) => each.key.startsWith(key ?? ''))
    : [view.get('registryKey', keyId(key ?? ''))].filter((each) => each !== undefined);
  if (cas !== undefined && cas !== null && found.some(({ Version }) => Version.Index !== cas))
    return NOT_DONE;
  const changes = found
    .slice(0, BATCH)
    .map(
      ({ ID: id, Version }): Change => ({ op: 'delete', kind: 'registryKey', id, revision: Version.Index }),
    );
  return { changes, result: { done: true, ...(found.length > BATCH && { more: true }) } };
}

/** The shortest that Consul takes, and the longest, ms. */
const TTL = { least: 10_000, most: 86_400_000 };
const MOST_LOCK_DELAY = 60_000;

function createSession(command: Command, view: View, { now }: Context): Decided {
  const { session, name, host, behavior, ttl, lockDelay } = command;
  if (!session) throw new ApiError(400, 'a session needs an id');
  if (behavior && behavior !== 'release' && behavior !== 'delete')
    throw new ApiError(400, `Invalid Behavior: ${behavior}: it is release or delete`);
  if (ttl && (ttl < TTL.least || ttl > TTL.most))
    throw new ApiError(400, `Invalid Session TTL '${ttl / 1000}s', must be between [10s=24h0m0s]`);
  if (lockDelay && (lockDelay < 0 || lockDelay > MOST_LOCK_DELAY))
    throw new ApiError(400, `Invalid LockDelay: ${lockDelay / 1000}s is not between 0 and 60s`);
  if (view.get('registrySession', session)) return NOT_DONE;
  if (view.count('registrySession') >= MOST_SESSIONS)
    throw new ApiError(
      500,
      `there are ${MOST_SESSIONS} sessions already, which is all that the registry takes`,
    );
  const at = { CreatedAt: timestamp(now), UpdatedAt: timestamp(now) };
  const object: RegistrySession = {
    ...{ ID: session, Version: { Index: 0 }, ...at },
    ...{ name: name ?? '', host: host ?? '', renewedAt: now, internal: {} },
    ...(ttl ? { ttl } : {}),
    behavior: behavior === 'delete' ? 'delete' : 'release',
    lockDelay: lockDelay ?? 15_000,
  };
  return done({ op: 'put', kind: 'registrySession', object });
}

/** Written only now and then: who renews more often than is needed costs nothing. */
function renewSession({ session }: Command, view: View, { now }: Context): Decided {
  const before = view.get('registrySession', session ?? '');
  if (!before) return NOT_DONE;
  if (before.ttl === undefined || now - before.renewedAt < before.ttl / 4) return done();
  return done({ op: 'put', kind: 'registrySession', object: { ...before, renewedAt: now } });
}

function destroySession({ session }: Command, view: View, { now }: Context): Decided {
  const before = view.get('registrySession', session ?? '');
  if (!before) return done();
  const { changes, more } = endOfSession(view, before, now);
  return { changes, result: { done: true, ...(more && { more }) } };
}

function keyOf({ key }: Command): string {
  if (!key) throw new ApiError(400, 'Missing key name');
  if (Buffer.byteLength(key) > MOST_KEY)
    throw new ApiError(
      400,
      `A key has at most ${MOST_KEY} bytes, and this one has ${Buffer.byteLength(key)}`,
    );
  return key;
}
