/** Connections and small requests from a node to a manager's cluster port. */
import { X509Certificate } from 'node:crypto';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { nodeOf } from '../identity/certificate.ts';
import { outOfDate } from '../identity/clocks.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError, rpcError } from '../model/errors.ts';
import { CLUSTER_PORT, type ManagerAddress, type NotLeading } from '../model/protocol.ts';
import { OWN_PROTOCOL } from '../model/protocol-version.ts';
import { KEEP_ALIVE } from './tunnel.ts';

const WINDOW = 1024 * 1024;
/** How long (ms) a manager may take to take up a connection, and to answer a request. */
const CONNECT_TIMEOUT = 5_000;
const ANSWER_TIMEOUT = 20_000;
const MAX_ANSWER = 4 * 1024 * 1024;

/** What the other end has shown: it can be asked for only once. */
const peers = new WeakMap<ClientHttp2Session, X509Certificate>();

/** Nobody answered at that address; another attempt may find somebody. */
export class NoAnswerError extends Error {}

/** A manager that does not lead the cluster has answered. */
export class NotLeadingError extends ApiError {
  /** Who leads, host:port, as far as it knows. */
  readonly leader: string | undefined;
  readonly managers: ManagerAddress[];

  constructor(status: number, { message, leader, managers }: NotLeading) {
    super(status, message);
    this.leader = leader;
    this.managers = managers;
  }
}

/** What the manager at the other end has to show. */
export type Expect =
  /** Nothing yet: what it says is checked against a token. */
  | { kind: 'anybody' }
  /** A manager's certificate by one of these roots (PEM), of this cluster if it is known. */
  | { kind: 'manager'; roots: string; clusterId?: string };

/** What net.connect takes too; the types of http2 do not know it. */
interface KeepAlive {
  keepAlive: boolean;
  /** Milliseconds. */
  keepAliveInitialDelay: number;
}

interface ConnectOptions {
  /** host:port; without a port, the cluster port. */
  address: string;
  expect: Expect;
  /** What this node shows, PEM. */
  own?: { key: string; certificate: string };
  signal?: AbortSignal | undefined;
}

export function connectAs(
  identity: NodeIdentity,
  address: string,
  signal?: AbortSignal,
): Promise<ClientHttp2Session> {
  return connectManager({ ...optionsOf(identity, address), signal });
}

function optionsOf({ credentials, certificate }: NodeIdentity, address: string): ConnectOptions {
  const expect = { kind: 'manager', roots: credentials.roots, clusterId: certificate.clusterId } as const;
  return { address, expect, own: credentials };
}

/**
 * A connection whose handshake is over. Throws Docker's error for a manager that refuses connections, NoAnswerError for
 * one that does not answer in time, the signal's reason when aborted.
 */
export async function connectManager({
  expect,
  own,
  signal,
  ...to
}: ConnectOptions): Promise<ClientHttp2Session> {
  const address = withPort(to.address);
  signal?.throwIfAborted();
  if (!URL.canParse(`https://${address}`))
    throw rpcError(
      'InvalidArgument',
      `${JSON.stringify(to.address)} is not the address of a manager, HOST[:PORT]`,
    );
  const options: ClientSessionOptions & SecureClientSessionOptions & KeepAlive = {
    minVersion: 'TLSv1.3',
    settings: { enablePush: false, initialWindowSize: WINDOW },
    maxSessionMemory: 64,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE,
    ...(own && { key: own.key, cert: own.certificate }),
    ...trust(expect),
  };
  return new Promise((resolve, reject) => {
    const session = connect(`https://${address}`, options);
    const timer = setTimeout(
      () => give(new NoAnswerError(`${address} did not answer within ${CONNECT_TIMEOUT / 1000} s`)),
      CONNECT_TIMEOUT,
    );
    const onAbort = () => give(signal?.reason as Error);
    const onError = (error: Error) => give(connectionError(address, error));
    const connected = () => give();
    function give(error?: Error): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      session.off('error', onError);
      // It may still be emitted after the session was destroyed for being late.
      session.off('connect', connected);
      // From here on an error is seen as the end of the session and of its streams.
      session.on('error', () => session.destroy());
      if (error === undefined) {
        session.setLocalWindowSize(16 * WINDOW);
        const certificate = (session.socket as TLSSocket).getPeerX509Certificate();
        if (certificate) peers.set(session, certificate);
        resolve(session);
      } else {
        session.destroy();
        reject(error);
      }
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    session.once('error', onError);
    session.once('connect', connected);
  });
}

/** The node id of the manager at the other end, by its certificate. */
export function managerAt(connection: ClientHttp2Session): string | undefined {
  return nodeOf(peers.get(connection)?.toLegacyObject().subject)?.nodeId;
}

/**
 * Whether a manager is at the other end whose certificate is by that root (PEM), though nothing was expected of it when the
 * connection was made. False also where that takes more to tell: if another certificate is between them, say.
 */
export function isManagerBy(connection: ClientHttp2Session, root: string, now = Date.now()): boolean {
  const certificate = peers.get(connection);
  if (!certificate) return false;
  const issuer = new X509Certificate(root);
  const isSigned = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  const isCurrent = now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime();
  return isSigned && isCurrent && nodeOf(certificate.toLegacyObject().subject)?.role === 'manager';
}

/** host:port of a manager; without a port it is the cluster port. */
export function withPort(address: string): string {
  return /^[^:]+$|\]$/.test(address) ? `${address}:${CLUSTER_PORT}` : address;
}

function trust(expect: Expect): SecureClientSessionOptions {
  if (expect.kind === 'anybody') return { rejectUnauthorized: false };
  return {
    ca: expect.roots,
    // A manager is known by its certificate, not by the name or address that it is reached at.
    checkServerIdentity: (_host: string, { subject }: PeerCertificate) => {
      const node = nodeOf(subject);
      const known = expect.clusterId === undefined || node?.clusterId === expect.clusterId;
      if (node?.role === 'manager' && known) return undefined;
      return new Error(`its certificate is not that of a manager of this cluster (${subject.CN})`);
    },
  };
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ENOTFOUND: 'no such host',
};

function connectionError(address: string, error: NodeJS.ErrnoException): Error {
  const { code = '' } = error;
  if (code === 'ETIMEDOUT') return new NoAnswerError(`${address} does not answer`);
  const text = REASONS[code]
    ? `transport: Error while dialing: dial tcp ${address}: ${REASONS[code]}`
    : `transport: ${address}: ${outOfDate(code, Date.now()) ?? error.message}`;
  return rpcError('Unavailable', `connection error: desc = "${text}"`);
}

/** One JSON request; the answer. Throws ApiError with the manager's status and message, or if there is no answer. */
export async function call(
  session: ClientHttp2Session,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const stream = request(session, method, path, body);
  const timer = setTimeout(
    () => stream.destroy(new ApiError(503, 'the manager did not answer in time')),
    ANSWER_TIMEOUT,
  );
  try {
    const headers = await responseTo(stream);
    const text = await textOf(stream);
    const status = headers[':status'] ?? 500;
    const answer = status === 200 && parsed(text);
    if (answer) return answer;
    throw refusal(status, text);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}

/** What a manager's answer means that says that it does not do what was asked for. */
export function refusal(status: number, text: string): ApiError {
  const { message, leader, managers } = parsed(text) ?? {};
  if (message === undefined)
    return new ApiError(503, `who answers there is not the manager of a swarm (status ${status})`);
  if (!Array.isArray(managers)) return new ApiError(status, String(message));
  return new NotLeadingError(status, {
    message: String(message),
    ...(typeof leader === 'string' && { leader }),
    managers: managers.filter(isManagerAddress),
  });
}

function isManagerAddress(value: unknown): value is ManagerAddress {
  const { NodeID, Addr } = (value ?? {}) as Partial<ManagerAddress>;
  return typeof NodeID === 'string' && typeof Addr === 'string' && Addr !== '';
}

function parsed(text: string): Partial<Record<keyof NotLeading, unknown>> | undefined {
  try {
    return JSON.parse(text || '{}') as object;
  } catch {
    return undefined;
  }
}

/** A request that goes out whole. */
export function request(
  session: ClientHttp2Session,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): ClientHttp2Stream {
  const stream = session.request(
    { [constants.HTTP2_HEADER_METHOD]: method, [constants.HTTP2_HEADER_PATH]: path, ...OWN_PROTOCOL },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(JSON.stringify(body));
  return stream;
}

/** The headers of a stream's answer. Rejects with 503 if the stream ends without one. */
export function responseTo(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders & { ':status'?: number }> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const lost = (error?: Error) => {
      // What is not needed is not made: an error notes where it comes from, which takes time.
      if (isAnswered) return;
      if (error instanceof ApiError) reject(error);
      else
        reject(
          new ApiError(503, `the connection to the manager was lost${error ? `: ${error.message}` : ''}`),
        );
    };
    stream.on('error', lost);
    stream.once('close', () => lost());
    stream.once('response', (headers) => {
      isAnswered = true;
      resolve(headers);
    });
  });
}

/** The text of an answer of moderate size. */
export async function textOf(stream: ClientHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_ANSWER) throw new ApiError(502, 'the manager’s answer is too large');
  }
  return Buffer.concat(chunks).toString();
}
