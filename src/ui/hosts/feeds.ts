/**
 * The live lists of what is on the hosts. Told are the rows that differ from what was told before, at most every 300 ms; a
 * client that reads slowly gets the whole list once it has read what there is.
 */
import { has } from '../../access/actor.ts';
import type { FleetEvent, Host } from '../../fleet/contract.ts';
import type { NodesFleet } from '../../fleet/nodes.ts';
import type { Clock } from '../../model/clock.ts';
import type { Client } from '../live/hub.ts';
import type { HostRows } from '../protocol.ts';
import { EventBook } from './events.ts';
import { containerRows, imageRows, volumeRows } from './rows.ts';

const PACE = 300;
/** A client with so many bytes still to be read is slow. */
const SLOW = 512 * 1024;

type Name = keyof HostRows;

interface Feed {
  name: Name;
  /** Those that are behind are told the whole list. */
  readonly clients: Map<Client, { behind: boolean }>;
  /** The texts of the rows, as they were told last. */
  told: Map<string, string>;
}

export interface FeedsOptions {
  /** Undefined where this is no manager any more. */
  nodes(): Promise<NodesFleet | undefined>;
  /** The node of this manager. */
  home: string;
  clock: Clock;
}

export class HostFeeds {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<Name, Feed>();
  /** Texts of rows, made once as long as the row is the same. */
  readonly #texts = new WeakMap<object, string>();
  #nodes: NodesFleet | undefined;
  #book: EventBook | undefined;
  #stop: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #revision = 0;
  #isOver = false;

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** Whether the channel is one of these lists. */
  static has(channel: string): boolean {
    return Object.hasOwn(LISTS, channel);
  }

  open(client: Client, channel: string): void {
    if (!has(client.actor, 'see')) {
      client.send(JSON.stringify({ channel, error: 'you may not see this' }));
      return;
    }
    const name = channel as Name;
    const feed = this.#feeds.get(name) ?? { name, clients: new Map(), told: new Map() };
    this.#feeds.set(name, feed);
    feed.clients.set(client, { behind: true });
    void this.#begin().then(
      () => this.#tell(),
      (error: Error) => client.send(JSON.stringify({ channel, error: error.message })),
    );
  }

  close(client: Client, channel: string): void {
    const feed = this.#feeds.get(channel as Name);
    feed?.clients.delete(client);
    if (feed?.clients.size === 0) this.#feeds.delete(feed.name);
  }

  /** The client is gone. */
  leave(client: Client): void {
    for (const name of [...this.#feeds.keys()]) this.close(client, name);
  }

  end(): void {
    this.#isOver = true;
    this.#cancel?.();
    this.#stop?.();
    this.#feeds.clear();
  }

  /** From the first who asks on the hosts are followed. */
  async #begin(): Promise<void> {
    const nodes = await this.#options.nodes();
    if (this.#isOver || !nodes) return;
    if (this.#nodes !== nodes) {
      this.#stop?.();
      this.#nodes = nodes;
      const book = new EventBook(this.#options.home, () => this.#note());
      this.#book = book;
      this.#stop = nodes.fleet.listen((event: FleetEvent) => {
        book.heard(event);
        if (event.type !== 'engine') this.#note();
      });
      for (const host of nodes.fleet.hosts()) if (host.status === 'Healthy') void book.read(host);
    }
    await nodes.known;
  }

  #note(): void {
    if (this.#feeds.size > 0) this.#cancel ??= this.#options.clock.timer(PACE, () => this.#tell());
  }

  #tell(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#nodes || this.#isOver) return;
    this.#revision++;
    let isLate = false;
    for (const feed of this.#feeds.values()) isLate = this.#tellOf(feed, this.#nodes.fleet.hosts()) || isLate;
    if (isLate) this.#note();
  }

  /** Returns whether somebody is still behind. */
  #tellOf(feed: Feed, hosts: readonly Host[]): boolean {
    const rows = feed.name === 'events' ? this.#book!.rows : LISTS[feed.name](hosts);
    const now = new Map(rows.map((row) => [row.id, this.#text(row)]));
    const changed = [...now].filter(([id, text]) => feed.told.get(id) !== text).map(([, text]) => text);
    const gone = [...feed.told.keys()].filter((id) => !now.has(id));
    feed.told = now;
    const head = `{"channel":"${feed.name}","revision":${this.#revision}`;
    const part =
      changed.length + gone.length > 0 &&
      `${head},"rows":[${changed}]${gone.length > 0 ? `,"gone":${JSON.stringify(gone)}` : ''}}`;
    let isLate = false;
    for (const [client, state] of feed.clients) {
      if (client.unread() > SLOW) state.behind = true;
      else if (state.behind) {
        client.send(`${head},"whole":true,"rows":[${[...now.values()]}]}`);
        state.behind = false;
      } else if (part) client.send(part);
      isLate ||= state.behind;
    }
    return isLate;
  }

  #text(row: object): string {
    const known = this.#texts.get(row);
    if (known !== undefined) return known;
    const text = JSON.stringify(row);
    this.#texts.set(row, text);
    return text;
  }
}

const LISTS: { [L in Name]: (hosts: readonly Host[]) => ReadonlyArray<HostRows[L]> } = {
  containers: containerRows,
  images: imageRows,
  volumes: volumeRows,
  events: () => [],
};
