/** Accounts, sessions and tokens in the cluster's store. What is decided is decided on the view that it is written to. */

import type { AccessToken, AccountRole, Session, User } from '../model/accounts.ts';
import { timestamp } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import type { Meta } from '../model/objects.ts';
import type { Change, Store, View } from '../store/contract.ts';
import { checkPassword, hashPassword, verifyPassword } from './password.ts';
import { digest, newCode, newSecret } from './secret.ts';

export const ROLES: readonly AccountRole[] = ['administrator', 'operator', 'deployer', 'viewer'];

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A session ends when nothing was done for so long, or after so long whatever is done (ms). */
export const SESSION_IDLE = 8 * HOUR;
const SESSION_LIFE = 7 * DAY;
/** That a session or a token was used is written down at most so often (ms). */
export const SEEN_EVERY = 5 * 60_000;
const TOKEN_LIFE = 90 * DAY;
const TOKEN_PREFIX = 'essaim_';
const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const WRONG = 'the name or the password is wrong';

/** What accounts are kept in. */
export interface Keeper {
  store: Store;
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface NewUser {
  name: string;
  password: string;
  role: AccountRole;
  stacks?: readonly string[];
}

/** A secret that was just made, and what is kept of it. */
export interface Issued<T> {
  secret: string;
  kept: T;
}

/** Somebody's session lasts: until then (ms) if nothing more is done. */
export function sessionEnds({ seenAt, endsAt }: Session): number {
  return Math.min(seenAt + SESSION_IDLE, endsAt);
}

/** A code for the first visit, in place of any before. @throws ApiError 409 if there is an account already */
export async function newSetupCode({ store, now }: Keeper): Promise<string> {
  const code = newCode();
  const token = { ...meta(digest(code), now()), name: '', use: 'setup' as const, scope: 'all' as const };
  await store.commit((view) => {
    if (view.count('user') > 0) throw alreadySetUp();
    return { changes: [...withdrawCodes(view), put('accessToken', { ...token, internal: {} })] };
  });
  return code;
}

/** The first account, for whoever has the code. @throws ApiError 403 wrong code, 409 somebody was faster, 400 */
export async function setUp(
  { store, now }: Keeper,
  { code, ...account }: { code: string; name: string; password: string },
): Promise<User> {
  const id = digest(code.trim().toLowerCase());
  const allowed = (view: View): void => {
    if (view.count('user') > 0) throw alreadySetUp();
    if (view.get('accessToken', id)?.use !== 'setup')
      throw new ApiError(403, 'this is not the code: run "essaim ui" on a manager, it prints one');
  };
  allowed(store.view);
  const user = await made({ ...account, role: 'administrator' }, now());
  await store.commit((view) => {
    allowed(view);
    return { changes: [...withdrawCodes(view), put('user', user)] };
  });
  return user;
}

/** Whoever is root on a manager's host may make accounts without a code. @throws ApiError 400, 409 */
export async function addUser({ store, now }: Keeper, account: NewUser): Promise<User> {
  const user = await made(account, now());
  await store.commit((view) => {
    if (view.get('user', user.ID)) throw new ApiError(409, `there is an account ${user.ID} already`);
    return { changes: [put('user', user), ...withdrawCodes(view)] };
  });
  return user;
}

export interface UserChange {
  password?: string;
  role?: AccountRole;
  stacks?: readonly string[];
  disabled?: boolean;
}

/** Changes an account and ends its sessions, but for `keep` (a session's id). @throws ApiError 400, 404, 409 */
export async function changeUser(
  { store, now }: Keeper,
  name: string,
  change: UserChange,
  keep?: string,
): Promise<void> {
  if (change.role !== undefined) checkRole(change.role);
  if (change.password !== undefined) checkPassword(change.password, name);
  const password = change.password === undefined ? undefined : await hashPassword(change.password);
  await store.commit((view) => {
    const user = userOf(view, name);
    const { password: _, ...fields } = change;
    const after: User = {
      ...user,
      ...fields,
      UpdatedAt: timestamp(now()),
      internal: { password: password ?? user.internal.password },
    };
    if (isAdministrator(user) && !isAdministrator(after)) refuseIfLast(view, name);
    const ended = [...view.all('session')].filter((each) => each.user === name && each.ID !== keep);
    return { changes: [put('user', after), ...ended.map((each) => remove('session', each))] };
  });
}

/** Removes an account with its sessions and tokens. @throws ApiError 404, 409 */
export async function removeUser({ store }: Keeper, name: string): Promise<void> {
  await store.commit((view) => {
    const user = userOf(view, name);
    if (isAdministrator(user)) refuseIfLast(view, name);
    const sessions = [...view.all('session')].filter((each) => each.user === name);
    const tokens = [...view.all('accessToken')].filter((each) => each.user === name);
    return {
      changes: [
        remove('user', user),
        ...sessions.map((each) => remove('session', each)),
        ...tokens.map((each) => remove('accessToken', each)),
      ],
    };
  });
}

/** @throws ApiError 401, in as much time for a wrong name as for a wrong password */
export async function signIn(
  { store, now }: Keeper,
  { name, password, address, agent }: { name: string; password: string; address: string; agent: string },
): Promise<Issued<Session>> {
  const user = store.view.get('user', name);
  const right = await verifyPassword(password, user?.internal.password);
  if (!user || !right || user.disabled) throw new ApiError(401, WRONG);
  const secret = newSecret();
  const at = now();
  const session: Session = {
    ...meta(digest(secret), at),
    user: name,
    seenAt: at,
    endsAt: at + SESSION_LIFE,
    address,
    agent: agent.slice(0, 200),
    internal: {},
  };
  await store.commit((view) => {
    const before = [...view.all('session')].filter((each) => sessionEnds(each) <= at);
    return {
      changes: [put('session', session), ...before.map((each) => remove('session', each))],
      // The password that was checked is the one of now.
      require: [{ kind: 'user', id: name, revision: user.Version.Index }],
    };
  });
  return { secret, kept: session };
}

/** Whether that is the account's password: asked again before what is worth it. */
export function isPassword(view: View, name: string, password: string): Promise<boolean> {
  return verifyPassword(password, view.get('user', name)?.internal.password);
}

/** Ends a session; one that is gone already is no error. */
export async function endSession({ store }: Keeper, id: string): Promise<void> {
  await store.commit((view) => {
    const session = view.get('session', id);
    return { changes: session ? [remove('session', session)] : [] };
  });
}

/** Notes that a session or a token was used, if the last note is old. */
export async function seen(
  { store, now }: Keeper,
  kind: 'session' | 'accessToken',
  id: string,
): Promise<void> {
  await store.commit((view) => {
    const object = view.get(kind, id);
    if (!object) return { changes: [] };
    const at = now();
    if (kind === 'session') return { changes: [put('session', { ...(object as Session), seenAt: at })] };
    return { changes: [put('accessToken', { ...(object as AccessToken), usedAt: at })] };
  });
}

/** A token of that account; `days`: how long it lasts. @throws ApiError 400, 404 */
export async function newToken(
  { store, now }: Keeper,
  { user, name, scope, days }: { user: string; name: string; scope: 'all' | 'read'; days?: number },
): Promise<Issued<AccessToken>> {
  if (name === '' || name.length > 100) throw new ApiError(400, 'a token has a name of 1 to 100 characters');
  if (scope !== 'all' && scope !== 'read')
    throw new ApiError(400, `a token's scope is all or read, not ${scope}`);
  const life = days === undefined ? TOKEN_LIFE : days * DAY;
  if (!(life > 0 && life <= 3650 * DAY)) throw new ApiError(400, 'a token lasts between 1 and 3650 days');
  const secret = newSecret(TOKEN_PREFIX);
  const at = now();
  const kept: AccessToken = {
    ...meta(digest(secret), at),
    use: 'api',
    name,
    user,
    scope,
    endsAt: at + life,
    internal: {},
  };
  await store.commit((view) => {
    userOf(view, user);
    const same = [...view.all('accessToken')].some(
      (each) => each.use === 'api' && each.user === user && each.name === name,
    );
    if (same) throw new ApiError(409, `${user} has a token ${name} already`);
    return { changes: [put('accessToken', kept)] };
  });
  return { secret, kept };
}

/** @throws ApiError 404 */
export async function removeToken({ store }: Keeper, user: string, name: string): Promise<void> {
  await store.commit((view) => {
    const token = [...view.all('accessToken')].find(
      (each) => each.use === 'api' && each.user === user && each.name === name,
    );
    if (!token) throw new ApiError(404, `${user} has no token ${name}`);
    return { changes: [remove('accessToken', token)] };
  });
}

async function made({ name, password, role, stacks }: NewUser, now: number): Promise<User> {
  if (!NAME.test(name))
    throw new ApiError(
      400,
      `an account's name is of lower-case letters, digits, dots, dashes and underscores, not ${JSON.stringify(name)}`,
    );
  checkRole(role);
  checkPassword(password, name);
  const hashed = await hashPassword(password);
  return { ...meta(name, now), role, ...(stacks && { stacks }), internal: { password: hashed } };
}

function checkRole(role: string): void {
  if (!(ROLES as readonly string[]).includes(role))
    throw new ApiError(400, `a role is one of ${ROLES.join(', ')}, not ${role}`);
}

function userOf(view: View, name: string): User {
  const user = view.get('user', name);
  if (!user) throw new ApiError(404, `there is no account ${name}`);
  return user;
}

function isAdministrator(user: User): boolean {
  return user.role === 'administrator' && !user.disabled;
}

function refuseIfLast(view: View, name: string): void {
  const others = [...view.all('user')].filter((each) => isAdministrator(each) && each.ID !== name);
  if (others.length === 0)
    throw new ApiError(409, `${name} is the last administrator: make somebody else one first`);
}

function alreadySetUp(): ApiError {
  return new ApiError(409, 'there is an account already: sign in');
}

function withdrawCodes(view: View): Change[] {
  return [...view.all('accessToken')]
    .filter(({ use }) => use === 'setup')
    .map((each) => remove('accessToken', each));
}

function meta(id: string, now: number): Meta {
  const at = timestamp(now);
  return { ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at };
}

function put<K extends 'user' | 'session' | 'accessToken'>(
  kind: K,
  object: { user: User; session: Session; accessToken: AccessToken }[K],
): Change {
  return { op: 'put', kind, object } as Change;
}

function remove(kind: 'user' | 'session' | 'accessToken', { ID, Version }: Meta): Change {
  return { op: 'delete', kind, id: ID, revision: Version.Index };
}
