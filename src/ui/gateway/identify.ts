/** Who sent a request: by a token or by the cookie of a session, and whether a page of ours sent it. */
import type { IncomingHttpHeaders } from 'node:http';
import { sessionEnds } from '../../access/accounts.ts';
import type { Actor } from '../../access/actor.ts';
import { digest } from '../../access/secret.ts';
import { wallActor } from '../../access/walls.ts';
import type { AccessToken, Session } from '../../model/accounts.ts';
import { ApiError } from '../../model/errors.ts';
import type { View } from '../../store/contract.ts';

export const COOKIE = '__Host-essaim';
/** The protocol of a live socket that is opened with a link for the wall; the link's secret is named after it. */
const WALL = 'essaim-wall';

export interface Identified {
  actor: Actor;
  /** When it was last noted that it is used (ms). */
  seenAt: number;
}

/** Undefined if the request bears no credential. @throws ApiError 401 if it bears one that is good for nothing */
export function identify(headers: IncomingHttpHeaders, view: View, now: number): Identified | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (headers.authorization !== undefined) {
    const token = bearer === undefined ? undefined : view.get('accessToken', digest(bearer));
    if (token?.use !== 'api' || (token.endsAt ?? Infinity) <= now)
      throw new ApiError(401, 'this token is unknown, was withdrawn or has come to its end');
    return { actor: actorOf(view, token.user ?? '', token, 'accessToken'), seenAt: token.usedAt ?? 0 };
  }
  const secret = cookieOf(headers.cookie ?? '');
  if (secret === undefined) return undefined;
  const session = view.get('session', digest(secret));
  if (!session || sessionEnds(session) <= now)
    throw new ApiError(401, 'your session has ended: sign in again');
  return { actor: actorOf(view, session.user, session, 'session'), seenAt: session.seenAt };
}

/**
 * Whoever has a link for the wall, which a page gives as a name of a protocol: browsers let it send no other header with
 * a WebSocket, and nothing secret stands in addresses. @throws ApiError 401 if the link is good for nothing
 */
export function identifyWall(headers: IncomingHttpHeaders, view: View, now: number): Actor | undefined {
  const [protocol, secret] = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  if (protocol !== WALL) return undefined;
  const actor = wallActor(secret ?? '', view, now);
  if (!actor) throw new ApiError(401, 'this link was withdrawn or has come to its end');
  return actor;
}

/** Whether the credential is still good: its account is there and able, and neither has come to its end. */
export function isStillGood({ via }: Actor, view: View, now: number): boolean {
  if (via.kind === 'session') {
    const session = view.get('session', via.id);
    return session !== undefined && sessionEnds(session) > now && isAble(view, session.user);
  }
  const token = view.get('accessToken', via.id);
  return token !== undefined && (token.endsAt ?? Infinity) > now && isAble(view, token.user ?? '');
}

function isAble(view: View, name: string): boolean {
  const user = view.get('user', name);
  return user !== undefined && !user.disabled;
}

function actorOf(
  view: View,
  name: string,
  credential: Session | AccessToken,
  kind: 'session' | 'accessToken',
): Actor {
  const user = view.get('user', name);
  if (!user || user.disabled) throw new ApiError(401, 'this account is disabled or gone');
  const token = kind === 'accessToken' ? (credential as AccessToken) : undefined;
  return {
    name,
    role: user.role,
    stacks: new Set(user.stacks ?? []),
    scope: token?.scope ?? 'all',
    via: { kind, id: credential.ID, name: token?.name ?? '' },
  };
}

function cookieOf(header: string): string | undefined {
  for (const part of header.split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === COOKIE && value) return value;
  }
  return undefined;
}

/**
 * Whether a page of this very host sent the request: browsers say so, and no page can make them say otherwise. The
 * scheme is not compared, as a proxy may have changed it.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, host: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return isSameHost(headers, host);
}

/** The same for the opening of a WebSocket, which has an Origin in any case. */
export function isSameHost({ origin }: IncomingHttpHeaders, host: string): boolean {
  if (typeof origin !== 'string') return false;
  try {
    return new URL(origin).host === host.toLowerCase();
  } catch {
    return false;
  }
}
