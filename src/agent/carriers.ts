/**
 * The connections to managers that tunnels go over: one to each manager that has asked for any. They are not the
 * session's, so that a tunnel lasts whoever leads meanwhile.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { OWN_PROTOCOL } from '../model/protocol-version.ts';

/** For so long (ms) a connection is kept that carries nothing: for less than the manager would keep it. */
const IDLE = 10_000;

interface Carrier {
  connection: ClientHttp2Session;
  open: number;
  idle: NodeJS.Timeout | undefined;
}

export class Carriers {
  readonly #connect: (address: string) => Promise<ClientHttp2Session>;
  readonly #idle: number;
  readonly #carriers = new Map<string, Promise<Carrier>>();

  /**
   * @param connect gives a connection to the manager at that host:port, as this node
   * @param idle for how long (ms) a connection is kept that carries nothing
   */
  constructor(connect: (address: string) => Promise<ClientHttp2Session>, idle = IDLE) {
    this.#connect = connect;
    this.#idle = idle;
  }

  /** A POST whose both directions stay open. Rejects if the manager cannot be reached. */
  async open(address: string, path: string): Promise<ClientHttp2Stream> {
    const carrier = await (this.#carriers.get(address) ?? this.#begin(address));
    if (carrier.connection.destroyed) {
      this.#carriers.delete(address);
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
    for (const connecting of this.#carriers.values()) {
      connecting.then(
        ({ connection }) => connection.destroy(),
        () => undefined,
      );
    }
  }

  #begin(address: string): Promise<Carrier> {
    const connecting = this.#connect(address).then((connection) => {
      connection.once('close', forget);
      const carrier = { connection, open: 0, idle: undefined };
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
