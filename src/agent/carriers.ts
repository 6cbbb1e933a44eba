/**
 * The connections to managers that tunnels go over: one to each manager that has asked for any. They are not the
 * session's, so that a tunnel lasts whoever leads meanwhile.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { OWN_PROTOCOL } from '../model/protocol-version.ts';

/** For so long (ms) a connection is kept that carries nothing: for less than the manager would keep it. */
const IDLE = 10_000;
/**
 * For so long (ms) a connection may take to show that the manager is at its other end, before something new is begun on
 * it. After a cut of the network TCP tries again as late as the cut was long, and a new connection at once.
 */
const PATIENCE = 2_000;

interface Carrier {
  connection: ClientHttp2Session;
  open: number;
  idle: NodeJS.Timeout | undefined;
  /** Being asked whether it answers, by all who would begin something on it meanwhile. */
  asked: Promise<boolean> | undefined;
}

export class Carriers {
  readonly #connect: (address: string) => Promise<ClientHttp2Session>;
  readonly #idle: number;
  readonly #patience: number;
  readonly #carriers = new Map<string, Promise<Carrier>>();
  /** Those too that take nothing new. */
  readonly #connections = new Set<ClientHttp2Session>();

  /**
   * @param connect gives a connection to the manager at that host:port, as this node
   * @param idle for how long (ms) a connection is kept that carries nothing
   * @param patience within how long (ms) one has to answer, to take something new
   */
  constructor(
    connect: (address: string) => Promise<ClientHttp2Session>,
    { idle = IDLE, patience = PATIENCE } = {},
  ) {
    this.#connect = connect;
    this.#idle = idle;
    this.#patience = patience;
  }

  /** A POST whose both directions stay open. Rejects if the manager cannot be reached. */
  async open(address: string, path: string): Promise<ClientHttp2Stream> {
    const known = this.#carriers.get(address);
    const carrier = await (known ?? this.#begin(address));
    if (known && !(await this.#answers(carrier))) {
      // What it carries may go on, if the manager is there again.
      if (this.#carriers.get(address) === known) this.#carriers.delete(address);
      return this.open(address, path);
    }
    const headers = { ':method': 'POST', ':path': path, ...OWN_PROTOCOL };
    const stream = carrier.connection.request(headers, { endStream: false });
    clearTimeout(carrier.idle);
    carrier.open++;
    stream.once('close', () => {
      if (--carrier.open === 0) this.#rest(carrier);
    });
    return stream;
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const connecting of this.#carriers.values()) {
      connecting.then(
        ({ connection }) => connection.destroy(),
        () => undefined,
      );
    }
  }

  async #answers(carrier: Carrier): Promise<boolean> {
    const { connection } = carrier;
    if (connection.destroyed || connection.closed) return false;
    carrier.asked ??= this.#ask(connection).finally(() => {
      carrier.asked = undefined;
    });
    return (await carrier.asked) && !connection.destroyed && !connection.closed;
  }

  async #ask(connection: ClientHttp2Session): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), this.#patience);
    connection.ping((error) => resolve(error === null));
    const answers = await promise;
    clearTimeout(timer);
    return answers;
  }

  #begin(address: string): Promise<Carrier> {
    const connecting = this.#connect(address).then((connection) => {
      this.#connections.add(connection);
      connection.once('close', () => {
        this.#connections.delete(connection);
        forget();
      });
      const carrier = { connection, open: 0, idle: undefined, asked: undefined };
      this.#rest(carrier);
      return carrier;
    });
    this.#carriers.set(address, connecting);
    const forget = (): void => {
      if (this.#carriers.get(address) === connecting) this.#carriers.delete(address);
    };
    connecting.catch(forget);
    return connecting;
  }

  #rest(carrier: Carrier): void {
    carrier.idle = setTimeout(() => carrier.connection.destroy(), this.#idle);
    carrier.idle.unref();
  }
}
