/** The agent's way to its manager over HTTP/2, see model/protocol.ts. */
import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { ApiError } from '../model/errors.ts';
import type { CheckReport } from '../model/network-check.ts';
import type {
  AttachAnswer,
  AttachedAnswer,
  AttachedReport,
  AttachRequest,
  DialRequest,
  Door,
  DownMessage,
  HostDescription,
  NetworksApplied,
  NodeAddressAnswer,
  NodeAddressRequest,
  StatusRequest,
} from '../model/protocol.ts';
import { IMAGE_HEADERS } from '../model/protocol.ts';
import type { AttachmentLink } from './attachments/attachments.ts';
import { Carriers } from './carriers.ts';
import type { FetchImage, ImageTransfer, ManagerLink, ManagerSession } from './contract.ts';
import type { Inbox } from './inbox.ts';
import { findLeader } from './leader.ts';
import { type Beginning, beginSession, findAnother, type Known } from './session-search.ts';
import { Silence } from './silence.ts';
import { joinStreams } from './tunnel.ts';
import { call, connectAs, refusal, request, responseTo, textOf } from './wire.ts';

export interface LinkOptions extends Known {
  /** A new connection to this host's engine, or to the API that is served here. */
  connectEngine(to: Door): Duplex | Promise<Duplex>;
  /** Compares this host's networks with what they have to be. */
  checkNetworks(): Promise<CheckReport>;
  /** The manager wants this node to have a new certificate. */
  renew(): void;
  /** Told of what went wrong beside the session: a tunnel, new roots. */
  onError(error: unknown): void;
}

const SESSION_OVER = 'the session with the manager has ended';
/** For so long (ms) after the loss of a session the leader is looked for often, and an election waited for. */
const BRISK = 10_000;
const PATIENCE = 5_000;
/** The most time (ms) between two requests to one manager, while it is looked for often, and later. */
const PACE_BRISK = 250;
const PACE = 2_000;

/** What else of this host needs a manager. All reject with ApiError: 503 without a session. */
export interface HostLink {
  fetchImage: FetchImage;
  /** Where the hosts of that name are reached; empty if there is none. */
  nodeAddresses(name: string): Promise<string[]>;
  reopen(reason: string): void;
}

/**
 * `reopen` ends the session, or has one that is being opened end, so that the next one begins with what is so by then.
 *
 * The link keeps what the manager knows of the certificate up to date by itself: it fills in TLSInfo in descriptions,
 * and describes the node again when its certificate or roots have changed.
 */
export function createManagerLink(options: LinkOptions): ManagerLink & AttachmentLink & HostLink {
  let current: LinkSession | undefined;
  /** Where the last leader was. */
  let last: string | undefined;
  let lostAt = performance.now();
  /** How often sessions were to be opened anew. */
  let openings = 0;
  /** Those who wait for a session. */
  const waiting = new Set<() => void>();
  /** Ends the tunnels: they outlive sessions. */
  let ending: AbortSignal | undefined;
  const carriers = new Carriers((address) => connectAs(options.identity, address));
  const session = async (): Promise<LinkSession> => {
    const isBrisk = performance.now() - lostAt < BRISK;
    if (!(current?.isOpen ?? false) && isBrisk) await next(waiting, PATIENCE);
    if (!current) throw new ApiError(503, 'this node has no session with a manager');
    return current;
  };
  return {
    async fetchImage(reference, signal) {
      return (await session()).fetchImage(reference, signal);
    },
    async attach(attachRequest) {
      return (await session()).attach(attachRequest);
    },
    async attached(report) {
      return (await session()).attached(report);
    },
    async nodeAddresses(name) {
      return (await session()).nodeAddresses(name);
    },
    reopen(reason) {
      openings++;
      current?.end(reason);
    },
    async open(sessionRequest, signal) {
      if (ending !== signal) {
        ending = signal;
        signal.addEventListener('abort', () => carriers.close(), { once: true });
      }
      const opening = openings;
      const isBrisk = performance.now() - lostAt < BRISK;
      const { answer, connection, address } = await findLeader({
        addresses: [...(last ? [last] : []), ...options.managers()],
        connect: (to, over) => connectAs(options.identity, to, over),
        ask: (manager) => beginSession(options, manager, sessionRequest),
        patience: isBrisk ? PATIENCE : 0,
        pace: isBrisk ? PACE_BRISK : PACE,
        learned: (managers) => options.learned(managers),
        signal,
      });
      last = address;
      if (opening !== openings) {
        connection.destroy();
        throw new ApiError(503, 'what this session began with is not so any more');
      }
      const close = () => connection.destroy();
      signal.addEventListener('abort', close, { once: true });
      connection.once('close', () => {
        signal.removeEventListener('abort', close);
        lostAt = performance.now();
      });
      current = new LinkSession({ ...options, carriers, address }, connection, answer, async (over) => {
        last = await findAnother(options, connection, over);
        return last;
      });
      for (const wake of waiting) wake();
      return current;
    },
  };
}

/** Resolves when one of those who wait is called, or after so many milliseconds. */
async function next(waiting: Set<() => void>, patience: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.add(resolve);
  const timer = setTimeout(resolve, patience);
  await promise;
  clearTimeout(timer);
  waiting.delete(resolve);
}

interface SessionOptions extends LinkOptions {
  carriers: Carriers;
  /** host:port of the manager whose session it is. */
  address: string;
}

class LinkSession implements ManagerSession {
  readonly #inbox: Inbox;
  readonly #options: SessionOptions;
  readonly #connection: ClientHttp2Session;
  readonly #path: string;
  readonly #silence: Silence;
  #description: HostDescription;

  constructor(
    options: SessionOptions,
    connection: ClientHttp2Session,
    { inbox, hello, description, clocks }: Beginning,
    findAnother: (signal: AbortSignal) => Promise<string>,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#path = `/session/${hello.sessionId}`;
    this.#description = description;
    this.#inbox = inbox;
    const forget = options.identity.onChange(() => this.#describeAgain());
    const period = hello.heartbeatPeriod / 1e6;
    this.#silence = new Silence({ connection, inbox, period, findAnother });
    connection.once('close', () => {
      forget();
      this.#silence.close();
    });
    if (clocks !== undefined) options.onError(new Error(clocks));
    this.#trust(hello.roots, false);
    inbox.start(hello, (message) => this.#handle(message));
  }

  get messages(): AsyncIterable<DownMessage> {
    return this.#inbox;
  }

  async report(statuses: StatusRequest): Promise<void> {
    await this.#call('status', statuses);
  }

  async describe(description: HostDescription): Promise<void> {
    this.#description = description;
    const body = { ...description, TLSInfo: this.#options.identity.tlsInfo() };
    await this.#call('describe', body);
  }

  async networksApplied(applied: NetworksApplied): Promise<void> {
    await this.#call('networks', applied);
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

  async nodeAddresses(name: string): Promise<string[]> {
    const asked: NodeAddressRequest = { name };
    return ((await this.#ask('node-address', asked)) as NodeAddressAnswer).addresses;
  }

  async #ask(what: string, body: unknown): Promise<unknown> {
    if (this.#connection.destroyed) throw new ApiError(503, SESSION_OVER);
    return this.#call(what, body);
  }

  async #call(what: string, body: unknown): Promise<unknown> {
    const answer = await call(this.#connection, 'POST', `${this.#path}/${what}`, body);
    this.#silence.heard();
    return answer;
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
    if (status !== 200) throw refusal(status, await textOf(stream));
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

  get isOpen(): boolean {
    return !this.#connection.destroyed;
  }

  end(reason: string): void {
    this.#inbox.fail(new ApiError(503, reason));
    this.#connection.destroy();
  }

  /** True: the message is for the agent. */
  #handle(message: DownMessage): boolean {
    if (message.type === 'dial') {
      this.#dial(message).catch(this.#options.onError);
      return false;
    }
    if (message.type === 'check') {
      this.#check(message.check).catch(this.#options.onError);
      return false;
    }
    if (message.type === 'period') this.#silence.period = message.heartbeatPeriod / 1e6;
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

  async #dial({ key, to, manager }: DialRequest): Promise<void> {
    const { carriers, address } = this.#options;
    const tunnel = await carriers.open(manager ?? address, `/tunnel/${key}`);
    try {
      const { ':status': status = 500 } = await responseTo(tunnel);
      if (status !== 200) throw refusal(status, await textOf(tunnel));
      const there = await this.#options.connectEngine(to);
      if (tunnel.destroyed) there.destroy();
      else joinStreams(tunnel, there);
    } catch (error) {
      tunnel.destroy();
      throw error;
    }
  }
}
