/** What can be asked for on the cluster port, and who may. */
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { withoutEmptyWrites } from '../../agent/tunnel.ts';
import type { Role } from '../../identity/certificate.ts';
import { ApiError } from '../../model/errors.ts';
import type {
  DialRequest,
  Door,
  HostDescription,
  LeaderAnswer,
  NodeAddressAnswer,
} from '../../model/protocol.ts';
import type { Duties, ManagerDesk } from '../contract.ts';
import type { WireSession } from './agent-session.ts';
import { acknowledge, answer, type Check, readJson } from './body.ts';
import { sendImage } from './image.ts';
import type { Peer } from './peer.ts';
import {
  attachedReport,
  attachRequest,
  checkReport,
  description,
  imageRequest,
  issueRequest,
  managerJoin,
  managerReady,
  networksApplied,
  nodeAddressRequest,
  renewRequest,
  statusRequest,
} from './schemas.ts';

/** The most bytes of a request's body. */
const SMALL = 64 * 1024;
export const LARGE = 32 * 1024 * 1024;

export const NODES: readonly Role[] = ['worker', 'manager'];
const MANAGERS: readonly Role[] = ['manager'];

export interface Route {
  method: 'GET' | 'POST';
  path: RegExp;
  /** The roles that may call it; undefined: everybody. */
  roles?: readonly Role[];
  handle(call: Call): Promise<void> | void;
}

export interface Call {
  stream: ServerHttp2Stream;
  peer: Peer;
  /** Empty for calls that everybody may make. */
  nodeId: string;
  params: Record<string, string>;
}

/** Who deals with the calls. */
export interface Desk {
  /** Throws ApiError while this manager does not lead. */
  duties(): Duties;
  /** PEM. */
  roots(): string;
  leader(): LeaderAnswer;
  /** Serves the API of this manager on a connection. */
  serveApi(connection: Duplex): void;
  /** Has the node open a tunnel to the manager `by`. Throws ApiError if it has no session here. */
  dial(nodeId: string, request: DialRequest, by: string): void;
  /** The node has opened the tunnel of that key. Throws ApiError if nobody waits for it. */
  tunnel(nodeId: string, key: string, stream: ServerHttp2Stream): void;
  /** How long (ms) a request's body may take. */
  timeout: number;
  openSession(call: Call): Promise<void>;
  /** The session that the call names; throws unless it is the caller's, and open. */
  sessionOf(call: Call): WireSession;
  /** Has an agent whose certificate is not of today's root get another one. */
  askToRenew(session: WireSession, description: HostDescription): void;
  disconnect(nodeId: string): void;
}

export function routesOf(desk: Desk): Route[] {
  const { duties, timeout, sessionOf } = desk;

  const managersDesk = (): ManagerDesk => {
    const { managers } = duties();
    if (!managers) throw new ApiError(501, 'this swarm takes in no other manager');
    return managers;
  };

  /** A call of the agent that has the session: its body goes to `handle`, whose result, if there is one, is the answer. */
  const onSession = <T>(
    path: string,
    check: Check<T>,
    limit: number,
    handle: (session: WireSession, request: T, call: Call) => Promise<object> | Promise<void> | void,
  ): Route => ({
    method: 'POST',
    path: new RegExp(`^/session/(?<id>[^/]+)/${path}$`),
    roles: NODES,
    async handle(call) {
      const request = await readJson(call.stream, check, { limit, timeout });
      const result = await handle(sessionOf(call), request, call);
      if (result) answer(call.stream, 200, result);
      else acknowledge(call.stream);
    },
  });

  return [
    {
      method: 'GET',
      path: /^\/ca$/,
      handle: ({ stream }) => answer(stream, 200, { roots: desk.roots() }),
    },
    {
      method: 'POST',
      path: /^\/ca\/issue$/,
      async handle({ stream, peer }) {
        const { authority } = duties();
        const request = await readJson(stream, issueRequest, { limit: SMALL, timeout });
        const issued = await authority.issue(request, peer.remoteAddr);
        // The one that was asked may be lost before the node has opened a session.
        answer(stream, 200, { ...issued, managers: desk.leader().managers });
      },
    },
    {
      method: 'POST',
      path: /^\/ca\/renew$/,
      roles: NODES,
      async handle({ stream, nodeId }) {
        const { authority } = duties();
        const request = await readJson(stream, renewRequest, { limit: SMALL, timeout });
        answer(stream, 200, await authority.renew(nodeId, request));
      },
    },
    { method: 'POST', path: /^\/session$/, roles: NODES, handle: desk.openSession },
    onSession('status', statusRequest, LARGE, (session, request) =>
      duties().sessions.status(session, request),
    ),
    onSession('describe', description, LARGE, async (session, request) => {
      await duties().sessions.describe(session, request);
      desk.askToRenew(session, request);
    }),
    onSession('networks', networksApplied, SMALL, (session, applied) =>
      duties().sessions.networks(session, applied),
    ),
    {
      method: 'POST',
      path: /^\/session\/(?<id>[^/]+)\/away$/,
      roles: NODES,
      async handle(call) {
        await duties().sessions.away(sessionOf(call));
        answer(call.stream, 200, {});
      },
    },
    onSession('attach', attachRequest, SMALL, ({ nodeId, signal }, request) =>
      duties().attachments.attach(nodeId, request, signal),
    ),
    onSession('attached', attachedReport, LARGE, ({ nodeId, signal }, report) =>
      duties().attachments.attached(nodeId, report, signal),
    ),
    onSession(
      'node-address',
      nodeAddressRequest,
      SMALL,
      (_session, { name }): Promise<NodeAddressAnswer> =>
        Promise.resolve({ addresses: duties().addressesOf(name) }),
    ),
    onSession('check/(?<number>\\d{1,15})', checkReport, LARGE, (session, report, { params }) =>
      session.checked(Number(params.number), report),
    ),
    {
      method: 'POST',
      path: /^\/session\/(?<id>[^/]+)\/image$/,
      roles: NODES,
      async handle(call) {
        const { reference } = await readJson(call.stream, imageRequest, { limit: SMALL, timeout });
        const session = sessionOf(call);
        const { images } = duties();
        if (!images) throw new ApiError(404, 'this manager gives no images');
        await sendImage(images, session, reference, call.stream);
      },
    },
    {
      method: 'POST',
      path: /^\/tunnel\/(?<key>[0-9a-f]{32})$/,
      roles: NODES,
      handle: ({ nodeId, params, stream }) => desk.tunnel(nodeId, params.key!, stream),
    },
    {
      method: 'POST',
      path: /^\/leave$/,
      roles: NODES,
      async handle({ stream, nodeId }) {
        const { sessions, authority } = duties();
        await sessions.leave(nodeId);
        await authority.revoke(nodeId);
        // The session ends when the answer has gone out, as it may be on this very connection.
        stream.on('close', () => desk.disconnect(nodeId));
        answer(stream, 200, {});
      },
    },
    {
      method: 'POST',
      path: /^\/managers\/join$/,
      roles: MANAGERS,
      async handle({ stream, nodeId }) {
        const managers = managersDesk();
        const request = await readJson(stream, managerJoin, { limit: SMALL, timeout });
        answer(stream, 200, await managers.join(nodeId, request));
      },
    },
    {
      method: 'POST',
      path: /^\/managers\/ready$/,
      roles: MANAGERS,
      async handle({ stream, nodeId }) {
        const managers = managersDesk();
        const { addr } = await readJson(stream, managerReady, { limit: SMALL, timeout });
        await managers.ready(nodeId, addr);
        answer(stream, 200, {});
      },
    },
    {
      method: 'POST',
      path: /^\/managers\/certificate$/,
      roles: MANAGERS,
      async handle({ stream, nodeId }) {
        const { authority } = duties();
        const request = await readJson(stream, managerJoin, { limit: SMALL, timeout });
        answer(stream, 200, await authority.certifyMember(nodeId, request));
      },
    },
    {
      method: 'POST',
      path: /^\/managers\/leave$/,
      roles: MANAGERS,
      async handle({ stream, nodeId }) {
        await managersDesk().leave(nodeId);
        answer(stream, 200, {});
      },
    },
    {
      method: 'GET',
      path: /^\/leader$/,
      roles: NODES,
      handle: ({ stream }) => answer(stream, 200, desk.leader()),
    },
    {
      method: 'POST',
      path: /^\/api$/,
      roles: MANAGERS,
      handle({ stream }) {
        stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
        desk.serveApi(withoutEmptyWrites(stream));
      },
    },
    {
      method: 'POST',
      path: /^\/dial\/(?<id>[^/]+)\/(?<to>engine|api)\/(?<key>[0-9a-f]{32})$/,
      roles: MANAGERS,
      handle({ stream, nodeId, params: { id, to, key } }) {
        duties();
        desk.dial(id!, { key: key!, to: to as Door }, nodeId);
        answer(stream, 200, {});
      },
    },
  ];
}
