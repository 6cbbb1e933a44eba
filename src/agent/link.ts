/** The agent's way to its manager over HTTP/2, see model/protocol.ts. */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError } from '../model/errors.ts';
import type { CheckReport } from '../model/network-check.ts';
import type {
  AttachAnswer,
  AttachedAnswer,
  AttachedReport,
  AttachRequest,
  DownMessage,
  HostDescription,
  SessionRequest,
  StatusRequest,
} from '../model/protocol.ts';
import { IMAGE_HEADERS } from '../model/protocol.ts';
import type { AttachmentLink } from './attachments/attachments.ts';
import type { FetchImage, ImageTransfer, ManagerLink, ManagerSession } from './contract.ts';
import { Inbox } from './inbox.ts';
import { joinStreams } from './tunnel.ts';
import { call, connectAs, request, responseTo, textOf } from './wire.ts';

export interface LinkOptions {
  identity: NodeIdentity;
  /** Addresses of managers, host:port, best first. */
  managers(): string[];
  /** A new connection to this host's engine. */
  connectEngine(): Duplex | Promise<Duplex>;
  /** Compares this host's networks with what they have to be. */
  checkNetworks(): Promise<CheckReport>;
  /** The manager wants this node to have a new certificate. */
  renew(): void;
  /** Told of what went wrong beside the session: a tunnel, new roots. */
  onError(error: unknown): void;
}

/** Managers send a PING every fifth of the period: after so many periods without a sign the manager is lost. */
const SILENT_PERIODS = 3;
const LEAST_SILENCE = 2_000;
const LOOK_EVERY = 500;
const SESSION_OVER = 'the session with the manager has ended';
/** How long (ms) a manager may take to begin a session. */
const OPEN_TIMEOUT = 10_000;

/**
 * The link keeps what the manager knows of the certificate up to date by itself: it fills in TLSInfo in descriptions,
 * and describes the node again when its certificate or roots have changed.
 */
export function createManagerLink(
  options: LinkOptions,
): ManagerLink & AttachmentLink & { fetchImage: FetchImage } {
  let current: LinkSession | undefined;
  const session = (): LinkSession => {
    if (!current) throw new ApiError(503, 'this node has no session with a manager');
    return current;
  };
  return {
    async fetchImage(reference, signal) {
      return session().fetchImage(reference, signal);
    },
    async attach(attachRequest) {
      return session().attach(attachRequest);
    },
    async attached(report) {
      return session().attached(report);
    },
    async open(sessionRequest, signal) {
      let last: unknown = new ApiError(503, 'no manager is known');
      for (const address of options.managers()) {
        signal.throwIfAborted();
        try {
          current = await openSession(options, address, sessionRequest, signal);
          return current;
        } catch (error) {
          signal.throwIfAborted();
          last = error;
        }
      }
      throw last;
    },
  };
}

async function openSession(
  options: LinkOptions,
  address: string,
  sessionRequest: SessionRequest,
  signal: AbortSignal,
): Promise<LinkSession> {
  const { identity } = options;
  const connection = await connectAs(identity, address, signal);
  const close = () => connection.destroy();
  signal.addEventListener('abort', close, { once: true });
  connection.once('close', () => signal.removeEventListener('abort', close));
  const timer = setTimeout(close, OPEN_TIMEOUT);
  try {
    const description = { ...sessionRequest.description, TLSInfo: identity.tlsInfo() };
    const stream = request(connection, 'POST', '/session', { ...sessionRequest, description });
    const { ':status': status = 500 } = await responseTo(stream);
    if (status !== 200) throw await refusal(status, stream);
    const inbox = new Inbox(stream);
    const hello = await inbox.first();
    if (hello.type !== 'session')
      throw new ApiError(502, `the manager began its session with "${hello.type}"`);
    return new LinkSession(options, connection, inbox, hello, description);
  } catch (error) {
    close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function refusal(status: number, stream: ClientHttp2Stream): Promise<ApiError> {
  const text = await textOf(stream);
  let message = text;
  try {
    message = (JSON.parse(text) as { message: string }).message;
  } catch {
    // Not from a manager, but its words are still the best that there are.
  }
  return new ApiError(status, message);
}

class LinkSession implements ManagerSession {
  readonly messages: AsyncIterable<DownMessage>;
  readonly #options: LinkOptions;
  readonly #connection: ClientHttp2Session;
  readonly #path: string;
  #description: HostDescription;

  constructor(
    options: LinkOptions,
    connection: ClientHttp2Session,
    inbox: Inbox,
    hello: DownMessage & { type: 'session' },
    description: HostDescription,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#path = `/session/${hello.sessionId}`;
    this.#description = description;
    this.messages = inbox;
    const forget = options.identity.onChange(() => this.#describeAgain());
    const stopWatching = endWhenSilent(connection, inbox, hello.heartbeatPeriod / 1e6);
    connection.once('close', () => {
      forget();
      stopWatching();
    });
    this.#trust(hello.roots, false);
    inbox.start(hello, (message) => this.#handle(message));
  }

  async report(statuses: StatusRequest): Promise<void> {
    await call(this.#connection, 'POST', `${this.#path}/status`, statuses);
  }

  async describe(description: HostDescription): Promise<void> {
    this.#description = description;
    const body = { ...description, TLSInfo: this.#options.identity.tlsInfo() };
    await call(this.#connection, 'POST', `${this.#path}/describe`, body);
  }

  async networksApplied(revision: number): Promise<void> {
    await call(this.#connection, 'POST', `${this.#path}/networks`, { revision });
  }

  async away(): Promise<void> {
    await this.#ask('away', {});
  }

  attach(wanted: AttachRequest): Promise<AttachAnswer> {
    return this.#ask('attach', wanted) as Promise<AttachAnswer>;
  }

  attached(report: AttachedReport): Promise<AttachedAnswer> {
    return this.#ask('attached', report) as Promise<AttachedAnswer>;
  }

  async #ask(what: string, body: unknown): Promise<unknown> {
    if (this.#connection.destroyed) throw new ApiError(503, SESSION_OVER);
    return call(this.#connection, 'POST', `${this.#path}/${what}`, body);
  }

  /** The answer comes when it is this node's turn. */
  async fetchImage(reference: string, signal: AbortSignal): Promise<ImageTransfer> {
    if (this.#connection.destroyed) throw new ApiError(503, SESSION_OVER);
    const stream = request(this.#connection, 'POST', `${this.#path}/image`, { reference });
    const abort = (): void => void stream.destroy();
    signal.addEventListener('abort', abort, { once: true });
    stream.once('close', () => signal.removeEventListener('abort', abort));
    const headers = await responseTo(stream);
    const { ':status': status = 500 } = headers;
    if (status !== 200) throw await refusal(status, stream);
    return {
      build: String(headers[IMAGE_HEADERS.build]),
      node: decodeURIComponent(String(headers[IMAGE_HEADERS.node])),
      size: Number(headers[IMAGE_HEADERS.size]),
      stream,
    };
  }

  close(): void {
    this.#connection.destroy();
  }

  /** True: the message is for the agent. */
  #handle(message: DownMessage): boolean {
    if (message.type === 'dial') {
      this.#dial(message.stream).catch(this.#options.onError);
      return false;
    }
    if (message.type === 'check') {
      this.#check(message.check).catch(this.#options.onError);
      return false;
    }
    if (message.type === 'trust') this.#trust(message.roots, message.renew);
    return true;
  }

  #trust(roots: string, renew: boolean): void {
    this.#options.identity
      .update({ roots })
      .then(() => renew && this.#options.renew())
      .catch(this.#options.onError);
  }

  #describeAgain(): void {
    if (this.#connection.destroyed) return;
    // A session that ends meanwhile is followed by one that begins with a description.
    this.describe(this.#description).catch((error: unknown) => {
      if (!this.#connection.destroyed) this.#options.onError(error);
    });
  }

  async #check(number: number): Promise<void> {
    const report = await this.#options.checkNetworks();
    await this.#ask(`check/${number}`, report);
  }

  async #dial(number: number): Promise<void> {
    const tunnel = this.#connection.request(
      { ':method': 'POST', ':path': `${this.#path}/stream/${number}` },
      { endStream: false },
    );
    try {
      const { ':status': status = 500 } = await responseTo(tunnel);
      if (status !== 200) throw await refusal(status, tunnel);
      const engine = await this.#options.connectEngine();
      if (tunnel.destroyed) engine.destroy();
      else joinStreams(tunnel, engine);
    } catch (error) {
      tunnel.destroy();
      throw error;
    }
  }
}

/** Destroys the connection when nothing has come from the manager for too long; returns what ends the watch. */
function endWhenSilent(connection: ClientHttp2Session, inbox: Inbox, periodMs: number): () => void {
  const limit = Math.max(SILENT_PERIODS * periodMs, LEAST_SILENCE);
  let heard = performance.now();
  let looked = heard;
  connection.on('ping', () => {
    heard = performance.now();
  });
  inbox.onData(() => {
    heard = performance.now();
  });
  const timer = setInterval(() => {
    const now = performance.now();
    // Where this process itself was held up, what was sent meanwhile is still to be read.
    if (now - looked > 4 * LOOK_EVERY) heard = now;
    looked = now;
    if (now - heard <= limit) return;
    inbox.fail(new ApiError(503, `nothing was heard from the manager for ${Math.round(limit / 1000)} s`));
    connection.destroy();
  }, LOOK_EVERY);
  timer.unref();
  return () => clearInterval(timer);
}
