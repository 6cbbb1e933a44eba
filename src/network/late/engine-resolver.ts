/** Asks the resolver that a container has of its engine, over a socket in the container's namespace. */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import type { Clock } from '../../model/clock.ts';
import { answers, type Query, withId } from '../dns/message.ts';
import { ENGINE_RESOLVER } from './rules.ts';

/** It asks up to three servers itself, for 4 s each; who asks has given up before that (ms). */
const PATIENCE = 8_000;
const MAX_PENDING = 200;
/** Between two looks for it where it was not (ms). */
const PAUSE = 1_000;

export interface EngineResolverOptions {
  /** It is asked from here. */
  socket: Socket;
  /** Where it listens; undefined while it does not. */
  findPort(): Promise<number | undefined>;
  clock: Clock;
}

/** Whom it was asked of is not there any more. */
const LOST = Symbol('lost');

interface Pending {
  query: Query;
  end(answer: Buffer | undefined | typeof LOST): void;
}

export class EngineResolver {
  readonly #options: EngineResolverOptions;
  /** By the id that each is asked with. */
  readonly #pending = new Map<number, Pending>();
  #connecting: Promise<void> | undefined;
  #connected = false;
  #looked = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: EngineResolverOptions) {
    this.#options = options;
    options.socket.on('message', (message: Buffer) => this.#received(message));
    // Nobody listens there any more: the engine was restarted, and its resolver has another port now, or will have one.
    options.socket.on('error', () => this.#lost());
  }

  /** The answer, with the id of the question; undefined if there is none. Never rejects. */
  async ask(query: Query): Promise<Buffer | undefined> {
    for (let tries = 0; tries < 2; tries++) {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined;
      });
      await this.#connecting;
      if (!this.#connected || this.#closed) return undefined;
      const answer = await this.#send(query);
      if (answer !== LOST) return answer && withId(answer, query.packet.readUInt16BE(0));
    }
    return undefined;
  }

  /** Ends what is under way without an answer. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endAll(undefined);
    this.#options.socket.close();
  }

  async #connect(): Promise<void> {
    const { socket, findPort, clock } = this.#options;
    if (this.#connected || this.#closed || clock.now() - this.#looked < PAUSE) return;
    const port = await findPort().catch(() => undefined);
    this.#looked = clock.now();
    if (port === undefined || this.#closed) return;
    await new Promise<void>((resolve) => {
      socket.connect(port, ENGINE_RESOLVER, (error?: Error) => {
        this.#connected = !error && !this.#closed;
        resolve();
      });
    });
  }

  #send(query: Query): Promise<Buffer | undefined | typeof LOST> {
    if (this.#pending.size >= MAX_PENDING) return Promise.resolve(undefined);
    let id = randomInt(0x10000);
    while (this.#pending.has(id)) id = randomInt(0x10000);
    return new Promise((resolve) => {
      const end = (answer: Buffer | undefined | typeof LOST): void => {
        this.#pending.delete(id);
        cancel();
        resolve(answer);
      };
      const cancel = this.#options.clock.timer(PATIENCE, () => end(undefined));
      this.#pending.set(id, { query, end });
      this.#options.socket.send(withId(query.packet, id), (error) => error && this.#lost());
    });
  }

  #received(message: Buffer): void {
    if (message.length < 2) return;
    const id = message.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (pending && answers(message, pending.query, id)) pending.end(message);
  }

  #lost(): void {
    if (!this.#connected || this.#closed) return;
    this.#connected = false;
    this.#looked = Number.NEGATIVE_INFINITY;
    this.#options.socket.disconnect();
    this.#endAll(LOST);
  }

  #endAll(answer: undefined | typeof LOST): void {
    for (const { end } of [...this.#pending.values()]) end(answer);
  }
}
