/** Calls of etcd's API (gRPC) to the member on this host, over its unix socket. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Frames, frame } from './frames.ts';
import {
  type CompactionRequest,
  compactionRequest,
  compactionResponse,
  type RangeRequest,
  type RangeResponse,
  rangeRequest,
  rangeResponse,
  type TxnRequest,
  type TxnResponse,
  txnRequest,
  txnResponse,
  type WatchRequest,
  type WatchResponse,
  watchRequest,
  watchResponse,
} from './messages.ts';
import { decode, encode, type Message } from './protobuf.ts';

/** What came of a call that failed. */
export class EtcdError extends Error {
  /** etcd has certainly not done what it was asked for. Otherwise it may have done it, or do it yet. */
  readonly refused: boolean;
  constructor(message: string, refused: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EtcdError';
    this.refused = refused;
  }
}

/** A stream of changes that goes on until it is ended. */
export interface WatchCall {
  send(request: WatchRequest): void;
  /** Nothing is told any more, `ended` neither. */
  cancel(): void;
}

export interface ClientOptions {
  /** The member's socket. */
  socket: string;
  /** How long (ms) a call may take. */
  timeout: number;
}

/** How much a page, or what is sent of the past to a watch, may be ahead of its reading; Node's own bounds are lower. */
const WINDOW = 32 * 1024 * 1024;
const SESSION_MEGABYTES = 1000;

/** gRPC's codes for what was refused before it was begun: bad requests, no room, not now, not here. */
const REFUSALS: ReadonlySet<string> = new Set(['3', '5', '6', '7', '8', '9', '11', '12', '16']);
/** Said before anything is done, with the code of failures after it. */
const NO_LEADER = 'etcdserver: no leader';

export class EtcdClient {
  readonly #options: ClientOptions;
  #session: ClientHttp2Session | undefined;
  #closed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#call('KV/Range', rangeRequest, rangeResponse, request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#call('KV/Txn', txnRequest, txnResponse, request);
  }

  /** Forgets what there was before the revision. */
  async compact(request: CompactionRequest): Promise<void> {
    await this.#call('KV/Compact', compactionRequest, compactionResponse, request);
  }

  /** `ended` is called once, when etcd or the connection has ended the stream. */
  watch(heard: (response: WatchResponse) => void, ended: (error: EtcdError) => void): WatchCall {
    const { stream, done } = this.#open('Watch/Watch', (bytes) => heard(decode(watchResponse, bytes)));
    let cancelled = false;
    const end = (error: unknown): void => {
      if (!cancelled) ended(error as EtcdError);
    };
    done.then(() => end(new EtcdError('etcd has ended the watch', true)), end);
    return {
      send(request) {
        if (stream.writable) stream.write(frame(encode(watchRequest, request)));
      },
      cancel() {
        cancelled = true;
        stream.close(constants.NGHTTP2_CANCEL);
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
  }

  async #call<Q extends object, A extends object>(
    name: string,
    request: Message<Q>,
    answer: Message<A>,
    value: Q,
  ): Promise<A> {
    const { timeout } = this.#options;
    let answered: A | undefined;
    const hear = (bytes: Buffer): void => {
      answered = decode(answer, bytes);
    };
    // etcd gives up then as well, unless it is in no state to.
    const { stream, done } = this.#open(name, hear, { 'grpc-timeout': `${timeout}m` });
    stream.end(frame(encode(request, value)));
    const timer = setTimeout(() => {
      stream.destroy(new Error(`there was no answer for ${timeout} ms`));
    }, timeout);
    await done.finally(() => clearTimeout(timer));
    if (!answered) throw new EtcdError(`${name}: etcd has answered without saying anything`, false);
    return answered;
  }

  /** Begins a call; `done` resolves when etcd has ended it in order. */
  #open(
    name: string,
    heard: (bytes: Buffer) => void,
    headers: OutgoingHttpHeaders = {},
  ): { stream: ClientHttp2Stream; done: Promise<void> } {
    const session = this.#connected();
    const stream = session.request({
      ':method': 'POST',
      ':path': `/etcdserverpb.${name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      // Without a leader calls then fail at once, and watches end.
      hasleader: 'true',
      ...headers,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const frames = new Frames(heard);
    let status: IncomingHttpHeaders | undefined;
    let failure: Error | undefined;
    const understand = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] !== undefined) status = headers;
    };
    // An error comes with the headers, if there is nothing else to say.
    stream.on('response', understand);
    stream.on('trailers', understand);
    stream.on('data', (chunk: Buffer) => {
      try {
        frames.push(chunk);
      } catch (error) {
        stream.destroy(error as Error);
      }
    });
    stream.on('error', (error) => {
      failure = error;
    });
    stream.on('close', () => {
      if (status?.['grpc-status'] === '0' && !failure) resolve();
      else reject(explain(name, this.#options.socket, status, failure ?? this.#lost.get(session)));
    });
    return { stream, done: promise };
  }

  /** Why connections were lost. */
  readonly #lost = new WeakMap<ClientHttp2Session, Error>();

  #connected(): ClientHttp2Session {
    if (this.#closed) throw new EtcdError('the connection to etcd is closed', true);
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const { socket } = this.#options;
    const session = connect('http://localhost', {
      createConnection: () => connectSocket(socket),
      maxSessionMemory: SESSION_MEGABYTES,
      settings: { initialWindowSize: WINDOW, enablePush: false },
    });
    session.on('connect', () => session.setLocalWindowSize(WINDOW));
    session.on('error', (error) => this.#lost.set(session, error));
    session.on('goaway', () => session.close());
    // Whoever waits for an answer keeps the process, not the connection.
    session.unref();
    this.#session = session;
    return session;
  }
}

function explain(
  name: string,
  socket: string,
  status: IncomingHttpHeaders | undefined,
  failure: Error | undefined,
): EtcdError {
  if (failure || !status) {
    // Node tells the streams of a connection that never came about why by the cause of their error.
    const cause = failure?.cause instanceof Error ? failure.cause : failure;
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    const refused = code === 'ECONNREFUSED' || code === 'ENOENT';
    const what = refused ? 'nobody answers' : (failure?.message ?? 'the connection was lost');
    return new EtcdError(`etcd at ${socket}: ${what}`, refused, { cause: failure });
  }
  const code = String(status['grpc-status']);
  const text = decodeURIComponent(String(status['grpc-message'] ?? `code ${code}`));
  return new EtcdError(`etcd at ${socket}, ${name}: ${text}`, REFUSALS.has(code) || text === NO_LEADER);
}
