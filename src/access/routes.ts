/**
 * Accounts, sessions, tokens and the audit, as routes of the daemon's API. On its own socket whoever may use it is root;
 * what comes in over the port of the web interface was let through by `grants.ts`, and says who asks in headers that
 * nobody outside can send.
 */
import type { ApiRequest, RouteModule } from '../api/router.ts';
import { managerOf } from '../api/swarm/access.ts';
import type { AccessToken, AccountRole, AuditEntry, Session, User } from '../model/accounts.ts';
import { timestamp } from '../model/clock.ts';
import { ApiError } from '../model/errors.ts';
import { newId } from '../model/id.ts';
import { array, boolean, integer, number, object, optional, text } from '../model/schema.ts';
import { aboutOf } from './about.ts';
import {
  addUser,
  changeUser,
  endSession,
  isPassword,
  type Keeper,
  newSetupCode,
  newToken,
  removeToken,
  removeUser,
  seen,
  sessionEnds,
  setUp,
  signIn,
} from './accounts.ts';

/** Who asks, as the port of the web interface found out. */
export const ACTOR = 'essaim-actor';
/** The id of the session that is used. */
export const SESSION = 'essaim-session';
/** Where the request came from. */
export const ADDRESS = 'essaim-address';

/** The request is a part of something that is in the audit as a whole. */
export const PART = 'essaim-part';

/** How many entries the audit keeps; the oldest go first. */
const AUDIT = 10_000;

const SetupBody = object({ code: optional(text()), name: optional(text()), password: optional(text()) });
const SignInBody = object({ name: optional(text()), password: optional(text()) });
const PasswordBody = object({ old: optional(text()), new: optional(text()) });
const UserBody = object({
  name: optional(text()),
  password: optional(text()),
  role: optional(text()),
  stacks: optional(array(text())),
  disabled: optional(boolean()),
});
const TokenBody = object({ name: optional(text()), scope: optional(text()), days: optional(number()) });
const SeenBody = object({ kind: optional(text()), id: optional(text()) });
const AuditEntryBody = object({
  actor: optional(text()),
  via: optional(text()),
  address: optional(text()),
  method: optional(text()),
  path: optional(text()),
  about: optional(text()),
  made: optional(text()),
  status: optional(integer()),
});
const AuditBody = object({ entries: optional(array(AuditEntryBody)) });

export const accessRoutes: RouteModule = (router, { membership }) => {
  router.own('essaim');
  const keeper = (): Keeper => managerOf(membership);

  router.post('/essaim/setup-code', async () => ({
    status: 201,
    body: { code: await newSetupCode(keeper()) },
  }));

  router.get('/essaim/setup', () => ({
    status: 200,
    body: { needed: keeper().store.view.count('user') === 0 },
  }));

  router.post('/essaim/setup', async (request) => {
    const { code, name, password } = await request.json(SetupBody);
    const user = await setUp(keeper(), { code: code ?? '', name: name ?? '', password: password ?? '' });
    return { status: 201, body: userForm(user) };
  });

  router.post('/essaim/session', async (request) => {
    const { name, password } = await request.json(SignInBody);
    const { secret, kept } = await signIn(keeper(), {
      name: name ?? '',
      password: password ?? '',
      address: header(request, ADDRESS) ?? '',
      agent: request.headers['user-agent'] ?? '',
    });
    return { status: 201, body: { secret, ends: timestamp(kept.endsAt) } };
  });

  router.get('/essaim/session', (request) => {
    const { view } = keeper().store;
    const user = view.get('user', actorOf(request));
    if (!user) throw new ApiError(404, 'there is no such account any more');
    return { status: 200, body: userForm(user) };
  });

  router.delete('/essaim/session', async (request) => {
    const id = header(request, SESSION);
    if (id === undefined) throw new ApiError(400, 'this request came without a session');
    await endSession(keeper(), id);
    return { status: 204 };
  });

  router.get('/essaim/sessions', (request) => {
    const actor = actorOf(request);
    const own = header(request, SESSION);
    const sessions = [...keeper().store.view.all('session')].filter(({ user }) => user === actor);
    return { status: 200, body: sessions.map((each) => sessionForm(each, own)) };
  });

  router.delete('/essaim/sessions/{id}', async (request) => {
    const at = keeper();
    const session = [...at.store.view.all('session')].find(
      (each) => each.user === actorOf(request) && shortId(each) === request.params.id,
    );
    if (!session) throw new ApiError(404, `there is no session ${request.params.id}`);
    await endSession(at, session.ID);
    return { status: 204 };
  });

  router.post('/essaim/password', async (request) => {
    const body = await request.json(PasswordBody);
    const at = keeper();
    const name = actorOf(request);
    if (!(await isPassword(at.store.view, name, body.old ?? '')))
      throw new ApiError(403, 'the present password is wrong');
    await changeUser(at, name, { password: body.new ?? '' }, header(request, SESSION));
    return { status: 204 };
  });

  router.get('/essaim/users', () => ({
    status: 200,
    body: [...keeper().store.view.all('user')].map(userForm),
  }));

  router.post('/essaim/users', async (request) => {
    const { name, password, role, stacks } = await request.json(UserBody);
    const user = await addUser(keeper(), {
      name: name ?? '',
      password: password ?? '',
      role: (role ?? 'viewer') as AccountRole,
      stacks: stacks ?? undefined,
    });
    return { status: 201, body: userForm(user) };
  });

  router.post('/essaim/users/{name}', async (request) => {
    const { password, role, stacks, disabled } = await request.json(UserBody);
    await changeUser(keeper(), request.params.name!, {
      ...(password != null && { password }),
      ...(role != null && { role: role as AccountRole }),
      ...(stacks != null && { stacks }),
      ...(disabled != null && { disabled }),
    });
    return { status: 204 };
  });

  router.delete('/essaim/users/{name}', async ({ params }) => {
    await removeUser(keeper(), params.name!);
    return { status: 204 };
  });

  router.get('/essaim/tokens', (request) => {
    const tokens = [...keeper().store.view.all('accessToken')];
    const of = tokenOwner(request);
    return {
      status: 200,
      body: tokens.filter(({ use, user }) => use === 'api' && user === of).map(tokenForm),
    };
  });

  router.post('/essaim/tokens', async (request) => {
    const { name, scope, days } = await request.json(TokenBody);
    const { secret, kept } = await newToken(keeper(), {
      user: tokenOwner(request),
      name: name ?? '',
      scope: (scope || 'all') as 'all' | 'read',
      days: days ?? undefined,
    });
    return { status: 201, body: { ...tokenForm(kept), secret } };
  });

  router.delete('/essaim/tokens/{name...}', async (request) => {
    await removeToken(keeper(), tokenOwner(request), request.params.name!);
    return { status: 204 };
  });

  router.post('/essaim/seen', async (request) => {
    const { kind, id } = await request.json(SeenBody);
    if (kind !== 'session' && kind !== 'accessToken')
      throw new ApiError(400, `${kind} is not used by anybody`);
    await seen(keeper(), kind, id ?? '');
    return { status: 204 };
  });

  router.get('/essaim/audit', ({ query }) => {
    const most = Math.min(Number(query.get('limit') || 200), AUDIT);
    const entries = [...keeper().store.view.all('auditEntry')].slice(-most).reverse();
    return { status: 200, body: entries.map(auditForm) };
  });

  router.post('/essaim/audit', async (request) => {
    const { entries } = await request.json(AuditBody);
    const { store, now } = keeper();
    const at = timestamp(now());
    const made = (entries ?? []).map((each): AuditEntry => {
      const about = each.about || aboutOf(store.view, each.path ?? '', each.made ?? undefined);
      return {
        ...{ ID: newId(), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
        ...{ actor: each.actor ?? '', via: each.via ?? '', address: each.address ?? '' },
        ...{ method: each.method ?? '', path: each.path ?? '', status: each.status ?? 0 },
        ...(about && { about }),
        internal: {},
      };
    });
    await store.commit((view) => {
      const surplus = view.count('auditEntry') + made.length - AUDIT;
      const oldest = surplus > 0 ? [...view.all('auditEntry')].slice(0, surplus) : [];
      return {
        changes: [
          ...made.map((object) => ({ op: 'put', kind: 'auditEntry', object }) as const),
          ...oldest.map(
            ({ ID, Version }) =>
              ({ op: 'delete', kind: 'auditEntry', id: ID, revision: Version.Index }) as const,
          ),
        ],
      };
    });
    return { status: 204 };
  });
};

/** What the API tells of an audit entry. */
export function auditForm(entry: AuditEntry) {
  const { ID, CreatedAt, actor, via, address, method, path, about, status } = entry;
  return { id: ID, at: CreatedAt, actor, via, address, method, path, about, status };
}

function userForm({ ID, role, stacks, disabled, CreatedAt }: User) {
  return { name: ID, role, stacks: stacks ?? [], disabled: disabled === true, created: CreatedAt };
}

function sessionForm(session: Session, own: string | undefined) {
  const { CreatedAt, seenAt, address, agent, ID } = session;
  return {
    id: shortId(session),
    created: CreatedAt,
    seen: timestamp(seenAt),
    ends: timestamp(sessionEnds(session)),
    address,
    agent,
    current: ID === own,
  };
}

/** Names a session, without being of any use to anybody. */
function shortId({ ID }: Session): string {
  return ID.slice(0, 16);
}

function tokenForm({ name, scope, CreatedAt, endsAt, usedAt }: AccessToken) {
  return {
    name,
    scope,
    created: CreatedAt,
    ends: endsAt === undefined ? undefined : timestamp(endsAt),
    used: usedAt === undefined ? undefined : timestamp(usedAt),
  };
}

function header({ headers }: ApiRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function actorOf(request: ApiRequest): string {
  const actor = header(request, ACTOR);
  if (actor === undefined) throw new ApiError(400, 'this is about the account of whoever asks: sign in');
  return actor;
}

/** One's own tokens; on the socket those of the account that is named. */
function tokenOwner(request: ApiRequest): string {
  const actor = header(request, ACTOR);
  if (actor !== undefined) return actor;
  const user = request.query.get('user');
  if (!user) throw new ApiError(400, 'say whose token it is: ?user=NAME');
  return user;
}
