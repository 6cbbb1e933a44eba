/**
 * The API as it is let through at the port of the web interface: who asks is found out, the route's right is checked, the
 * body is judged, and what was judged is asked of the daemon's own socket. Nothing goes on that is not in the list of
 * routes; of the client's headers only those that the API reads.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { aboutOf } from '../../access/about.ts';
import { SEEN_EVERY } from '../../access/accounts.ts';
import { type Actor, has, refusal } from '../../access/actor.ts';
import { GRANTS, type Grant } from '../../access/grants.ts';
import { judged } from '../../access/judge.ts';
import { Limiter } from '../../access/limiter.ts';
import { redacted } from '../../access/redact.ts';
import { ownedBy } from '../../access/stack.ts';
import type { ManagerFace } from '../../api/contract.ts';
import { findPlace, LEAST } from '../../api/remote/reference.ts';
import { type Logger, type Match, Router } from '../../api/router.ts';
import type { Target } from '../../api/target.ts';
import { ApiError } from '../../model/errors.ts';
import { type Asked, hostOf, type Reply, readBody } from '../exchange.ts';
import { COMMON } from '../headers.ts';
import { Execs } from './execs.ts';
import { COOKIE, identify, isSameOrigin } from './identify.ts';
import { type Sent, Upstream } from './upstream.ts';

/** What of an answer's headers is of one connection only, or is said by this port itself. */
const DROPPED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'date', 'set-cookie']);
export const EXEC_START = '/exec/{id}/start';
/** Answers that are looked through before they are passed on are at most so large. */
const MOST_REDACTED = 256 * 1024 * 1024;

export interface GatewayOptions {
  manager: ManagerFace;
  /** Of the daemon's own API. */
  socket: string;
  log: Logger;
}

/** A request that may go on. */
export interface Granted {
  grant: Grant;
  actor: Actor | undefined;
  /** As the API is asked, with names replaced by what they were found to mean. */
  path: string;
  stack: string | undefined;
}

export class Gateway {
  readonly #manager: ManagerFace;
  readonly #routes = new Router<Grant>();
  readonly #limiter = new Limiter();
  readonly execs = new Execs();
  readonly #upstream: Upstream;

  constructor({ manager, socket, log }: GatewayOptions) {
    this.#manager = manager;
    this.#upstream = new Upstream(socket, log);
    for (const grant of GRANTS) this.#routes.on(grant.method, grant.path, grant);
  }

  /** Whether the path is an API's at all, whatever the method. */
  isRoute(method: string, path: string): boolean {
    return this.#routes.match(method, path) !== undefined;
  }

  /** Who asks. @throws ApiError 401 */
  identify(asked: Asked): Actor | undefined {
    const { store, now } = this.#manager;
    const found = identify(asked.headers, store.view, now());
    if (!found) return undefined;
    const { actor, seenAt } = found;
    if (now() - seenAt > SEEN_EVERY) void this.#upstream.tell('/essaim/seen', actor.via);
    return actor;
  }

  /** Answers a request. @throws ApiError */
  async answer(asked: Asked, target: Target, reply: Reply): Promise<void> {
    const isWrite = asked.method !== 'GET' && asked.method !== 'HEAD';
    let granted: Granted;
    try {
      granted = this.grant(asked, target);
    } catch (error) {
      if (error instanceof RefusedError && isWrite)
        this.audit(asked, error.actor.name, error.actor, target.path, error.status);
      throw error;
    }
    const { grant, actor } = granted;
    if (grant.path === EXEC_START) this.execs.start(target.path.split('/')[2]!, actor!);
    let name = actor?.name ?? '';
    let status = 500;
    // What is removed has no name afterwards.
    let about = isWrite ? aboutOf(this.#manager.store.view, target.path) : undefined;
    let isTold = isWrite && !grant.reads && (actor !== undefined || grant.tries === true);
    try {
      const sent = await this.#body(asked, granted, target);
      if (target.path.endsWith('/create')) about = textIn(sent.body, 'Name');
      const account = grant.tries ? (actor?.name ?? textIn(sent.body, 'name')) : undefined;
      if (account !== undefined) {
        name = account;
        const wait = this.#limiter.begin(account, asked.address, this.#manager.now());
        if (wait > 0) {
          isTold = false;
          throw new TooMany(wait);
        }
      }
      const answer = await this.#upstream.ask(asked, granted, target, sent);
      status = answer.statusCode!;
      if (account !== undefined && status < 400) this.#limiter.right(account, asked.address);
      await this.#send(answer, reply, granted, asked);
    } catch (error) {
      if (error instanceof ApiError) status = error.status;
      throw error;
    } finally {
      if (isTold) this.audit(asked, name, actor, target.path, status, about);
    }
  }

  /** Checks a request but for its body. @throws ApiError 401, 403, 404 */
  grant(asked: Asked, target: Target): Granted {
    const found = this.#routes.match(asked.method, target.path);
    if (!found || found.handler.right === 'socket') throw new ApiError(404, 'page not found');
    const grant = found.handler;
    const actor = grant.right === 'open' ? undefined : this.identify(asked);
    if (grant.right !== 'open' && !actor) throw new ApiError(401, 'sign in first');
    if (asked.method !== 'GET' && asked.method !== 'HEAD') refuseForeign(asked, actor);
    if (!actor) return { grant, actor, path: target.path, stack: undefined };
    return this.#allowed(found, target.path, actor);
  }

  /** Whether somebody who is known may do that. @throws ApiError 403 */
  allowed(actor: Actor, method: string, path: string): Granted {
    const found = this.#routes.match(method, path);
    if (!found) throw new ApiError(404, 'page not found');
    return this.#allowed(found, path, actor);
  }

  #allowed(found: Match<Grant>, asPath: string, actor: Actor): Granted {
    const grant = found.handler;
    const { path, stack } = this.#owned(found, asPath, actor);
    // On creation the stack is what the body says.
    const judgedLater = grant.right === 'stack' && grant.target === undefined && actor.role === 'deployer';
    if (!has(actor, grant.right, stack) && !(judgedLater && actor.scope === 'all'))
      throw new RefusedError(actor, refusal(actor, grant.right));
    return { grant, actor, path, stack };
  }

  /** Writes down who tried what. Never rejects: an audit that cannot be written holds nobody up. */
  audit(
    asked: Asked,
    name: string,
    actor: Actor | undefined,
    path: string,
    status: number,
    about?: string,
  ): void {
    const via = actor?.via.kind === 'accessToken' ? `token ${actor.via.name}` : actor ? 'session' : 'sign-in';
    const entry = {
      actor: name.slice(0, 63),
      via,
      address: asked.address,
      method: asked.method,
      path,
      status,
      ...(about && { about }),
    };
    void this.#upstream.tell('/essaim/audit', { entries: [entry] });
  }

  close(): void {
    this.#upstream.close();
  }

  #owned(found: Match<Grant>, asPath: string, actor: Actor): { path: string; stack: string | undefined } {
    const { handler: grant, params } = found;
    const name = params.id ?? params.name;
    if (grant.target === undefined || name === undefined) return { path: asPath, stack: undefined };
    if (grant.target === 'exec') return { path: asPath, stack: this.execs.own(name, actor).stack };
    const { view } = this.#manager.store;
    const owned = ownedBy(view, grant.target, name, (reference) => {
      const place = findPlace(view, reference, LEAST);
      // Another host may have a container that is called as this one's id.
      const isThere = params.node === undefined || params.node === place?.nodeId;
      return place && isThere ? { taskId: place.task.ID, container: place.container } : undefined;
    });
    if (!owned) return { path: asPath, stack: undefined };
    // Whoever may only do it to some things must not get at another one by a name that is read otherwise later.
    const path = actor.role === 'deployer' ? replaced(grant.path, params, owned.id) : asPath;
    return { path, stack: owned.stack };
  }

  async #body(asked: Asked, granted: Granted, target: Target): Promise<Sent> {
    const { grant, actor } = granted;
    if (asked.method === 'GET' || asked.method === 'HEAD') return {};
    const rule = grant.body ?? 'json';
    if (rule === 'stream') return { stream: asked.stream };
    const bytes = await readBody(asked.stream);
    if (rule !== 'json' && actor && !has(actor, 'operate')) {
      const view = this.#manager.store.view;
      const previous =
        target.query.get('rollback') === 'previous'
          ? view.get('service', granted.path.split('/')[2] ?? '')?.PreviousSpec
          : undefined;
      return { body: Buffer.from(judged(rule, bytes.toString() || '{}', actor, view, previous).body) };
    }
    return { body: bytes };
  }

  async #send(answer: IncomingMessage, reply: Reply, granted: Granted, asked: Asked): Promise<void> {
    const { grant, actor } = granted;
    const headers: OutgoingHttpHeaders = { ...COMMON };
    for (const [name, value] of Object.entries(answer.headers)) if (!DROPPED.has(name)) headers[name] = value;
    headers['cache-control'] = 'no-store';
    const status = answer.statusCode!;
    const whole = async (change: (body: string) => string): Promise<void> => {
      const text = change((await readBody(answer, MOST_REDACTED)).toString());
      delete headers['content-length'];
      await reply.send(status, headers, text);
    };
    if (grant.path === '/essaim/session' && status === 201) {
      await whole((text) => {
        const { secret, ends } = JSON.parse(text) as { secret: string; ends: string };
        headers['set-cookie'] = cookie(secret, Date.parse(ends) - this.#manager.now());
        return JSON.stringify({ ends });
      });
    } else if (grant.path === '/essaim/session' && asked.method === 'DELETE') {
      headers['set-cookie'] = cookie('', 0);
      await whole((text) => text);
    } else if (grant.body === 'exec' && status === 201) {
      await whole((text) => {
        this.execs.made((JSON.parse(text) as { Id: string }).Id, actor!, granted.stack);
        return text;
      });
    } else if (
      actor &&
      grant.right === 'see' &&
      !grant.lasting &&
      !has({ ...actor, scope: 'all' }, 'operate')
    ) {
      await whole((text) => hidden(text, actor));
    } else await reply.stream(status, headers, answer);
  }
}

/** Somebody who is known has not the right. */
class RefusedError extends ApiError {
  readonly actor: Actor;
  constructor(actor: Actor, message: string) {
    super(403, message);
    this.actor = actor;
  }
}

/** Somebody was wrong too often. */
export class TooMany extends ApiError {
  /** Seconds. */
  readonly after: number;
  constructor(wait: number) {
    const after = Math.ceil(wait / 1_000);
    super(429, `too many tries: try again in ${after} s`);
    this.after = after;
  }
}

/** A write has to come from a page of ours or with a token. @throws ApiError 403, 415 */
function refuseForeign(asked: Asked, actor: Actor | undefined): void {
  if (actor?.via.kind === 'accessToken') return;
  if (!isSameOrigin(asked.headers, hostOf(asked)))
    throw new ApiError(403, 'this request came from another site: use the web interface, or a token');
  const type = asked.headers['content-type'];
  if (type !== undefined && !/^application\/(json|x-tar|octet-stream)\b/i.test(type))
    throw new ApiError(415, `with a session only JSON and files are taken, not ${type}`);
}

/** What a body says under that name, for the audit; empty if it says nothing. */
function textIn(body: Buffer | undefined, key: string): string {
  try {
    const { [key]: value } = JSON.parse(String(body ?? '{}')) as Record<string, unknown>;
    return typeof value === 'string' ? value.slice(0, 63) : '';
  } catch {
    return '';
  }
}

function hidden(text: string, actor: Actor): string {
  try {
    return JSON.stringify(redacted(JSON.parse(text), (stack) => actor.stacks.has(stack)));
  } catch {
    // Not JSON: `OK`, or an error in words.
    return text;
  }
}

/** The route's pattern with its names put in, and that of what it is about replaced. */
function replaced(pattern: string, params: Record<string, string>, id: string): string {
  const about = params.id === undefined ? 'name' : 'id';
  return pattern.replace(/\{([^}]+?)(\.\.\.)?\}/g, (_, name: string) =>
    name === about ? id : params[name]!,
  );
}

function cookie(value: string, life: number): string {
  const age = Math.max(0, Math.floor(life / 1_000));
  return `${COOKIE}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${age}`;
}
