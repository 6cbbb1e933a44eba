/**
 * Finds, among several managers, the one that takes a request: the one that leads. Each is asked over a connection of
 * its own, again and again. Who says that another one leads has that one asked next; who does not answer holds nobody up.
 */
import type { ClientHttp2Session } from 'node:http2';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { ApiError, messageOf } from '../model/errors.ts';
import type { ManagerAddress } from '../model/protocol.ts';
import { call, connectAs, managerAt, NoAnswerError, NotLeadingError, withPort } from './wire.ts';

/** After so long (ms) without an answer the next manager is asked as well. */
const OVERLAP = 300;
/** A manager is not asked again sooner than this (ms), however many say that it leads. */
const LEAST_PAUSE = 100;
/** The most addresses that are asked in one search. */
const MOST = 32;
/** How long (ms) a request waits for an election. */
const PATIENCE = 3_000;

export interface SearchOptions<T> {
  /** host:port, most promising first. */
  addresses: readonly string[];
  connect(address: string, signal: AbortSignal): Promise<ClientHttp2Session>;
  /** Rejects if this manager does not take the request. The same connection serves for asking it again. */
  ask(connection: ClientHttp2Session): Promise<T>;
  /** Whether that is the answer, and nobody else need be asked. */
  isFinal?(error: unknown): boolean;
  /**
   * As long (ms) as there are managers that do not lead and none that does, all are asked again. Without one that answers
   * so, each is asked once.
   */
  patience: number;
  /** The most time (ms) between two requests to one manager. */
  pace?: number;
  /** Told which managers there are, whenever one says so. */
  learned?(managers: ManagerAddress[]): void;
  signal: AbortSignal;
}

export interface Found<T> {
  /** host:port. */
  address: string;
  /** The caller's to end. */
  connection: ClientHttp2Session;
  answer: T;
}

/** Rejects with what each manager said (a single one: with its own error), or the signal's reason. */
export function findLeader<T>(options: SearchOptions<T>): Promise<Found<T>> {
  return new Search(options).run();
}

/** A node's JSON request to the manager that leads; the answer. Rejects as `findLeader`. */
export async function callLeader(
  identity: NodeIdentity,
  addresses: readonly string[],
  signal: AbortSignal,
  path: string,
  body: unknown,
): Promise<unknown> {
  const { answer, connection } = await findLeader({
    addresses,
    connect: (address, over) => connectAs(identity, address, over),
    ask: (manager) => call(manager, 'POST', path, body),
    patience: PATIENCE,
    signal,
  });
  connection.destroy();
  return answer;
}

interface Asked {
  address: string;
  connection: ClientHttp2Session | undefined;
  /** What it said last; absent until it has said something. */
  error?: unknown;
  /** This is another address of one that is asked already. */
  double: boolean;
  askedAt: number;
  /** Ends the pause before it is asked again. */
  wake(): void;
}

class Search<T> {
  readonly #options: SearchOptions<T>;
  readonly #asked = new Map<string, Asked>();
  readonly #over = new AbortController();
  readonly #outcome = Promise.withResolvers<Found<T>>();
  readonly #begun = performance.now();
  #waiting: string[];
  #overlap: NodeJS.Timeout | undefined;

  constructor(options: SearchOptions<T>) {
    this.#options = options;
    this.#waiting = [...new Set(options.addresses.map(withPort))];
  }

  async run(): Promise<Found<T>> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const abort = () => this.#outcome.reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    this.#goOn();
    let found: Found<T> | undefined;
    try {
      found = await this.#outcome.promise;
      return found;
    } finally {
      signal.removeEventListener('abort', abort);
      clearTimeout(this.#overlap);
      this.#over.abort();
      for (const { connection, wake } of this.#asked.values()) {
        if (connection !== found?.connection) connection?.destroy();
        wake();
      }
    }
  }

  /** Asks the next one, as long as there is one; gives up once all have had their say. */
  #goOn(): void {
    clearTimeout(this.#overlap);
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#overlap = setTimeout(() => this.#goOn(), OVERLAP);
      void this.#keepAsking(next);
      return;
    }
    const errors = [...this.#asked.values()].map(({ error }) => error);
    if (errors.includes(undefined)) return;
    const patient = performance.now() - this.#begun < this.#options.patience;
    if (!patient || !errors.some((error) => error instanceof NotLeadingError))
      this.#outcome.reject(this.#summary());
  }

  async #keepAsking(address: string): Promise<void> {
    const asked: Asked = { address, connection: undefined, double: false, askedAt: 0, wake: () => {} };
    this.#asked.set(address, asked);
    while (!this.#over.signal.aborted) {
      try {
        await this.#ask(asked);
        return;
      } catch (error) {
        if (this.#over.signal.aborted) break;
        this.#heard(asked, error);
      }
      if (!this.#over.signal.aborted) await this.#pause(asked);
    }
    asked.connection?.destroy();
  }

  async #ask(asked: Asked): Promise<void> {
    const { connect, ask } = this.#options;
    asked.askedAt = performance.now();
    if (asked.connection === undefined || asked.connection.destroyed || asked.connection.closed) {
      asked.connection = undefined;
      const connection = await connect(asked.address, this.#over.signal);
      asked.double = this.#hasConnectionTo(connection);
      if (asked.double) {
        connection.destroy();
        throw new ApiError(503, 'this manager is asked at another address');
      }
      asked.connection = connection;
    }
    const { address, connection } = asked;
    const answer = await ask(connection);
    if (!this.#over.signal.aborted) this.#outcome.resolve({ address, connection, answer });
    // Of two that are found at the same time, the first one counts.
    const { connection: first } = await this.#outcome.promise;
    if (first !== connection) connection.destroy();
  }

  #hasConnectionTo(connection: ClientHttp2Session): boolean {
    const id = managerAt(connection);
    return [...this.#asked.values()].some(
      (other) => other.connection && !other.connection.destroyed && managerAt(other.connection) === id,
    );
  }

  #heard(asked: Asked, error: unknown): void {
    asked.error = error;
    if (this.#options.isFinal?.(error)) {
      this.#outcome.reject(error);
      return;
    }
    if (error instanceof NotLeadingError) {
      if (error.managers.length > 0) this.#options.learned?.(error.managers);
      for (const { Addr } of error.managers) this.#add(withPort(Addr));
      if (error.leader !== undefined) this.#urge(withPort(error.leader));
    }
    const silent = [...this.#asked.values()].some((other) => other.error === undefined);
    if (!silent) this.#goOn();
  }

  #add(address: string): void {
    const known = this.#asked.has(address) || this.#waiting.includes(address);
    if (!known && this.#asked.size + this.#waiting.length < MOST) this.#waiting.push(address);
  }

  /** That one leads, somebody says. */
  #urge(address: string): void {
    const asked = this.#asked.get(address);
    if (asked) {
      if (performance.now() - asked.askedAt > LEAST_PAUSE) asked.wake();
      return;
    }
    this.#add(address);
    const place = this.#waiting.indexOf(address);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    void this.#keepAsking(address);
  }

  #pause(asked: Asked): Promise<void> {
    const { pace = 250 } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => asked.wake(), LEAST_PAUSE + Math.random() * (pace - LEAST_PAUSE));
      asked.wake = () => {
        clearTimeout(timer);
        asked.wake = () => {};
        resolve();
      };
    });
  }

  #summary(): Error {
    const asked = [...this.#asked.values()].filter(({ double }) => !double);
    const [first, ...others] = asked;
    if (!first) return new ApiError(503, 'no manager is known');
    if (others.length === 0) return first.error as Error;
    const message = asked.map(({ address, error }) => `${address}: ${messageOf(error)}`).join('; ');
    const errors = asked.map(({ error }) => error);
    if (errors.every((error) => error instanceof NoAnswerError)) return new NoAnswerError(message);
    if (errors.some((error) => error instanceof NotLeadingError))
      return new NotLeadingError(503, { message, managers: [] });
    const statuses = new Set(errors.map((error) => (error instanceof ApiError ? error.status : 503)));
    const [status = 503] = statuses;
    return new ApiError(statuses.size === 1 ? status : 503, message);
  }
}
