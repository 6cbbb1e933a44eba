/** Serves DNS on one address, UDP and TCP. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { frame, frames } from './frames.ts';

/** A connection on which nothing is asked, or no answer taken, for so long (ms) is closed. */
const IDLE = 10_000;
const MAX_CONNECTIONS = 256;
const MAX_CONNECTIONS_PER_SOURCE = 16;

export interface Answering {
  /** The answer to a message, or nothing. Must neither throw nor reject. */
  handle: Handler;
  /** Called once when it cannot go on; it has closed itself then. */
  broken(error: Error): void;
}

export interface ListenerOptions extends Answering {
  address: string;
  port: number;
}

export type Transport = 'datagram' | 'connection';

export type Handler = (
  message: Buffer,
  source: string,
  transport: Transport,
) => Buffer | undefined | Promise<Buffer | undefined>;

export class Listener {
  readonly #options: Answering;
  readonly #udp: DatagramSocket;
  readonly #tcp: Server;
  readonly #connections = new Map<Socket, string>();
  #ready = false;
  #closed: Promise<void> | undefined;

  private constructor(options: Answering, udp: DatagramSocket, tcp: Server) {
    this.#options = options;
    this.#udp = udp;
    this.#tcp = tcp;
    for (const side of [udp, tcp]) side.on('error', (error: Error) => this.#broken(error));
    udp.on('message', (message, { address, port }) => this.#received(message, address, port));
    tcp.on('connection', (socket) => this.#connected(socket));
  }

  /** Answers at sockets that are bound already; from now on they are the listener's. */
  static on(udp: DatagramSocket, tcp: Server, options: Answering): Listener {
    const listener = new Listener(options, udp, tcp);
    listener.#ready = true;
    return listener;
  }

  /** Resolves when it answers. @throws what the system says if it cannot be */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { address } = options;
    const udp = createSocket({
      type: isIPv6(address) ? 'udp6' : 'udp4',
      // They are addresses already; the usual look-up would take another turn of the event loop for each answer.
      lookup: (host, _options, done) => done(null, host, isIPv6(address) ? 6 : 4),
    });
    const listener = new Listener(options, udp, createServer());
    try {
      await listener.#bind(options);
    } catch (error) {
      await listener.close();
      throw error;
    }
    return listener;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #bind({ address, port }: ListenerOptions): Promise<void> {
    // It may listen before `bind` has returned.
    const listening = once(this.#udp, 'listening');
    this.#udp.bind({ address, port });
    await listening;
    this.#tcp.listen({ host: address, port });
    await once(this.#tcp, 'listening');
    this.#ready = true;
  }

  #received(message: Buffer, source: string, port: number): void {
    const answer = this.#options.handle(message, source, 'datagram');
    if (answer instanceof Promise) void answer.then((later) => this.#send(later, source, port));
    else this.#send(answer, source, port);
  }

  #send(answer: Buffer | undefined, source: string, port: number): void {
    if (!answer || this.#closed) return;
    // Who asked may be gone meanwhile: nothing to be done about that, and they ask again if not.
    this.#udp.send(answer, port, source, () => {});
  }

  #connected(socket: Socket): void {
    const source = socket.remoteAddress ?? '';
    socket.on('error', () => socket.destroy());
    const ofSource = [...this.#connections.values()].filter((other) => other === source).length;
    if (ofSource >= MAX_CONNECTIONS_PER_SOURCE || this.#connections.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.#connections.set(socket, source);
    socket.once('close', () => this.#connections.delete(socket));
    socket.setTimeout(IDLE, () => socket.destroy());
    this.#converse(socket, source).catch(() => socket.destroy());
  }

  async #converse(socket: Socket, source: string): Promise<void> {
    for await (const message of frames(socket)) {
      const answer = await this.#options.handle(message, source, 'connection');
      if (!answer) break;
      if (!socket.write(frame(answer))) await once(socket, 'drain');
    }
    socket.end();
  }

  #broken(error: Error): void {
    if (this.#closed || !this.#ready) return;
    void this.close();
    this.#options.broken(error);
  }

  async #close(): Promise<void> {
    const ended = [
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
      new Promise<void>((resolve) => this.#udp.close(resolve)),
    ];
    for (const socket of this.#connections.keys()) socket.destroy();
    await Promise.all(ended);
  }
}
