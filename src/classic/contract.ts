/** How the endpoint's routes are written. */
import type { IncomingMessage } from 'node:http';
import type { ApiRequest, JsonReply, Router, StreamReply, TextReply } from '../api/router.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import type { Cluster } from './cluster.ts';
import type { Execs } from './execs.ts';
import type { Role } from './views/info.ts';

/** A host's engine answers, with the request as it came except for what is given here. */
export interface HandOver {
  to: {
    host: Host;
    /** Path and query on the engine, without a version. */
    path: string;
    /** Sent instead of the request's own body. */
    body?: Buffer;
    /** Called with the answer before it is passed on. */
    seen?: (answer: IncomingMessage) => void;
    /** Called when the connection, or the answer, is over. */
    over?: () => void;
  };
}

export type ClusterReply = JsonReply | TextReply | StreamReply | HandOver;
export type ClusterHandler = (request: ApiRequest) => ClusterReply | Promise<ClusterReply>;
export type ClusterRouter = Router<ClusterHandler>;

/** What the routes may use. */
export interface ClusterContext {
  cluster: Cluster;
  execs: Execs;
  log: Logger;
  role(): Role;
}

export type ClusterRoutes = (router: ClusterRouter, context: ClusterContext) => void;
