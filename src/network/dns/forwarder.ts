/** Passes on what is not ours to know to the host's own name servers. */
import type { Clock } from '../../model/clock.ts';
import type { Transport } from './listener.ts';
import { CODE, codeOf, type Query, withId } from './message.ts';
import { type Attempt, askByConnection, askByDatagram } from './upstream.ts';

/** When a server has not answered for so long (ms), the next one is asked too. */
const IMPATIENCE = 800;
/** After so long (ms) there is no answer: a little before those who ask give up by themselves. */
const GIVE_UP = 3_500;
const MAX_ATTEMPTS = 4;
/** How long another server than the first is asked first after it was the one to answer (ms). */
const PREFERENCE = 30_000;
/** Questions under way, of all and of one source. */
const MAX_TOTAL = 1_000;
const MAX_PER_SOURCE = 100;

export interface ForwarderOptions {
  /** Addresses of the servers in the order in which to ask them. */
  servers(): Promise<readonly string[]>;
  port: number;
  clock: Clock;
}

export interface Asked {
  transport: Transport;
  /** Who asks: nobody may ask too much. */
  source: string;
  /** Whom to ask instead of the host's servers. */
  servers?: readonly string[];
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  /** The same question of several is asked once. */
  readonly #underWay = new Map<string, Promise<Buffer | undefined>>();
  readonly #bySource = new Map<string, number>();
  readonly #cancel = new Set<() => void>();
  #waiting = 0;
  #preferred: { server: string; until: number } | undefined;
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * The answer to that question, with the id of it; undefined if there is none: no server, none that answers, or too
   * many questions already. Never rejects.
   */
  async forward(query: Query, { transport, source, servers }: Asked): Promise<Buffer | undefined> {
    const ofSource = this.#bySource.get(source) ?? 0;
    if (this.#closed || ofSource >= MAX_PER_SOURCE || this.#waiting >= MAX_TOTAL) return undefined;
    this.#waiting++;
    this.#bySource.set(source, ofSource + 1);
    try {
      const key = `${transport} ${servers?.join() ?? ''} ${query.packet.toString('latin1', 2)}`;
      let answer = this.#underWay.get(key);
      if (!answer) {
        answer = this.#ask(query, transport, servers).finally(() => this.#underWay.delete(key));
        this.#underWay.set(key, answer);
      }
      const message = await answer;
      return message && withId(message, query.packet.readUInt16BE(0));
    } finally {
      this.#waiting--;
      const left = this.#bySource.get(source)! - 1;
      if (left === 0) this.#bySource.delete(source);
      else this.#bySource.set(source, left);
    }
  }

  /** Ends what is under way without an answer. */
  close(): void {
    this.#closed = true;
    for (const cancel of [...this.#cancel]) cancel();
  }

  async #ask(query: Query, transport: Transport, wanted: Asked['servers']): Promise<Buffer | undefined> {
    const servers = this.#inOrder(wanted ?? (await this.#options.servers()));
    if (servers.length === 0 || this.#closed) return undefined;
    const { port, clock } = this.#options;
    const ask = transport === 'datagram' ? askByDatagram : askByConnection;
    const race = new Race({
      servers,
      clock,
      start: (attempt) => ask({ ...attempt, port, query }),
    });
    const cancel = (): void => race.cancel();
    this.#cancel.add(cancel);
    const winner = await race.result;
    this.#cancel.delete(cancel);
    if (winner && winner.server !== servers[0])
      this.#preferred = { server: winner.server, until: clock.now() + PREFERENCE };
    return winner?.answer;
  }

  #inOrder(servers: readonly string[]): readonly string[] {
    const preferred = this.#preferred;
    if (!preferred || this.#options.clock.now() > preferred.until) return servers;
    if (!servers.includes(preferred.server)) return servers;
    return [preferred.server, ...servers.filter((server) => server !== preferred.server)];
  }
}

interface RaceOptions {
  servers: readonly string[];
  clock: Clock;
  /** Returns what ends the attempt. */
  start(attempt: Pick<Attempt, 'server' | 'answered' | 'failed'>): () => void;
}

/** The servers in turn: the next one as soon as one fails or is slow; who was asked before may still win. */
class Race {
  readonly result: Promise<{ server: string; answer: Buffer } | undefined>;
  readonly #options: RaceOptions;
  readonly #resolve: (winner: { server: string; answer: Buffer } | undefined) => void;
  readonly #turns: string[];
  readonly #running = new Map<object, () => void>();
  readonly #cancelDeadline: () => void;
  #cancelPatience = (): void => {};
  /** What a server said that could not help; as good as nothing when another one can. */
  #poor: { server: string; answer: Buffer } | undefined;

  constructor(options: RaceOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<{ server: string; answer: Buffer } | undefined>();
    this.result = promise;
    this.#resolve = resolve;
    this.#turns = [...options.servers, ...options.servers, ...options.servers].slice(0, MAX_ATTEMPTS);
    this.#cancelDeadline = options.clock.timer(GIVE_UP, () => this.#finish(this.#poor));
    this.#next();
  }

  cancel(): void {
    this.#finish(undefined);
  }

  #next(): void {
    this.#cancelPatience();
    const server = this.#turns.shift();
    if (server === undefined) {
      if (this.#running.size === 0) this.#finish(this.#poor);
      return;
    }
    const key = {};
    const failed = (): void => {
      this.#running.delete(key);
      // Asking it again would bring nothing else.
      this.#drop(server);
      this.#next();
    };
    const answered = (answer: Buffer): void => {
      const code = codeOf(answer);
      const poor = code === CODE.serverFailure || code === CODE.refused || code === CODE.notDone;
      if (!poor) this.#finish({ server, answer });
      else {
        this.#poor ??= { server, answer };
        failed();
      }
    };
    this.#running.set(key, this.#options.start({ server, answered, failed }));
    this.#cancelPatience = this.#options.clock.timer(IMPATIENCE, () => this.#next());
  }

  #drop(server: string): void {
    for (let at = this.#turns.indexOf(server); at >= 0; at = this.#turns.indexOf(server))
      this.#turns.splice(at, 1);
  }

  #finish(winner: { server: string; answer: Buffer } | undefined): void {
    this.#cancelDeadline();
    this.#cancelPatience();
    this.#turns.length = 0;
    for (const end of this.#running.values()) end();
    this.#running.clear();
    this.#resolve(winner);
  }
}
