/** A connection for calls of gRPC to the member on this host, over its unix socket. It is made anew when it is lost. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Readable } from 'node:stream';
import { Frames, frame } from './frames.ts';
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

/** A call in which both sides say things until it is ended. */
export interface StreamCall<Q> {
  send(request: Q): void;
  /** Nothing is told any more, `ended` neither. */
  cancel(): void;
}

export interface ClientOptions {
  /** The member's socket. */
  socket: string;
  /** How long (ms) a call may take. */
  timeout: number;
}

/** A method: its name, what it is asked, what it answers. */
export interface Method<Q extends object, A extends object> {
  name: string;
  request: Message<Q>;
  answer: Message<A>;
  /** It is answered without a leader too. Other calls fail then at once, and streams end. */
  local?: boolean;
}

/** How much a page, or what is sent of the past to a watch, may be ahead of its reading; Node's own bounds are lower. */
const WINDOW = 32 * 1024 * 1024;
const SESSION_MEGABYTES = 1000;

/** gRPC's codes for what was refused before it was begun: bad requests, no room, not now, not here. */
const REFUSALS: ReadonlySet<string> = new Set(['3', '5', '6', '7', '8', '9', '11', '12', '16']);
/** Said before anything is done, with the code of failures after it. */
const NO_LEADER = 'etcdserver: no leader';

/** A stream as it is opened; `done` resolves when etcd has ended it in order. */
interface Opened {
  stream: ClientHttp2Stream;
  done: Promise<void>;
}

export class Channel {
  readonly #options: ClientOptions;
  #session: ClientHttp2Session | undefined;
  #closed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  close(): void {
    this.#closed = true;
    this.#session?.destroy();
  }

  /** One question, one answer. @throws EtcdError */
  async call<Q extends object, A extends object>(
    method: Method<Q, A>,
    value: Q,
    timeout = this.#options.timeout,
  ): Promise<A> {
    let answered: A | undefined;
    const hear = (bytes: Buffer): void => {
      answered = decode(method.answer, bytes);
    };
    // etcd gives up then as well, unless it is in no state to.
    const { stream, done } = this.#open(method, hear, { 'grpc-timeout': `${timeout}m` });
    stream.end(frame(encode(method.request, value)));
    const timer = setTimeout(() => {
      stream.destroy(new Error(`there was no answer for ${timeout} ms`));
    }, timeout);
    await done.finally(() => clearTimeout(timer));
    if (!answered) throw new EtcdError(`${method.name}: etcd has answered without saying anything`, false);
    return answered;
  }

  /** `ended` is called once, when etcd or the connection has ended the stream. */
  converse<Q extends object, A extends object>(
    method: Method<Q, A>,
    heard: (answer: A) => void,
    ended: (error: EtcdError) => void,
  ): StreamCall<Q> {
    const { stream, done } = this.#open(method, (bytes) => heard(decode(method.answer, bytes)));
    let cancelled = false;
    const end = (error: unknown): void => {
      if (!cancelled) ended(error as EtcdError);
    };
    done.then(() => end(new EtcdError(`etcd has ended ${method.name}`, true)), end);
    return {
      send(request) {
        if (stream.writable) stream.write(frame(encode(method.request, request)));
      },
      cancel() {
        cancelled = true;
        stream.close(constants.NGHTTP2_CANCEL);
      },
    };
  }

  /** One question, many answers, which wait for their reader. Destroying it ends the call. */
  read<Q extends object, A extends object>(method: Method<Q, A>, value: Q): Readable {
    const { stream, done } = this.#open(method, (bytes) => {
      if (!answers.push(decode(method.answer, bytes))) stream.pause();
    });
    const answers = new Readable({
      objectMode: true,
      read: () => void stream.resume(),
      destroy(error, end) {
        stream.close(constants.NGHTTP2_CANCEL);
        end(error);
      },
    });
    done.then(
      () => answers.push(null),
      (error: Error) => answers.destroy(error),
    );
    stream.end(frame(encode(method.request, value)));
    return answers;
  }

  #open(
    { name, local }: Pick<Method<object, object>, 'name' | 'local'>,
    heard: (bytes: Buffer) => void,
    headers: OutgoingHttpHeaders = {},
  ): Opened {
    const session = this.#connected();
    const stream = session.request({
      ':method': 'POST',
      ':path': `/etcdserverpb.${name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(local ? {} : { hasleader: 'true' }),
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
    session.on('connect', () => {
      // It may have been closed by then.
      if (!session.destroyed) session.setLocalWindowSize(WINDOW);
    });
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
