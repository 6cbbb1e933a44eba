/**
 * The live lists of all open tabs. What has changed is noted as it changes, and told at most every 50 ms: a row that
 * changes ten times in between is sent once, each row is made and written as text once for all who look at the same list.
 * A client that reads slowly is sent nothing until it has read what there is, and then the rows as they are.
 */
import { type Actor, has } from '../../access/actor.ts';
import type { Clock } from '../../model/clock.ts';
import { CompactedError, type Store, type StoreEvent, type View } from '../../store/contract.ts';
import { type Channel, channelNamed } from './lists.ts';

/** How often changes are told at the most, ms. */
const PACE = 50;
/** A client with so many bytes still to be read is slow. */
const SLOW = 512 * 1024;
/** Channels that one tab may have open. */
const MOST_CHANNELS = 64;

/** One open tab. */
export interface Client {
  readonly actor: Actor;
  /** Bytes that were sent and not read yet. */
  unread(): number;
  send(text: string): void;
}

interface Feed extends Channel {
  /** With what each of them has missed while it was slow. */
  readonly clients: Map<Client, Set<string>>;
  dirty: Set<string>;
  /** Of a list with a filter, the ids of all rows that it ever had: what never was among them is not gone. */
  readonly told: Set<string>;
}

export class LiveHub {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, Feed>();
  readonly #unwatch: () => void;
  #cancel: (() => void) | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#unwatch = store.watch(store.view.revision, ({ events }) => this.#note(events));
  }

  /** Has the client told of that list from now on. `since`: the revision that it has it at. */
  open(client: Client, name: string, since?: number): void {
    const channel = channelNamed(name);
    const error = this.#refusal(client, channel);
    if (!channel || error !== undefined) {
      client.send(JSON.stringify({ channel: name, error }));
      return;
    }
    let feed = this.#feeds.get(name);
    if (!feed) {
      feed = { ...channel, clients: new Map(), dirty: new Set(), told: new Set() };
      this.#feeds.set(name, feed);
    }
    feed.clients.set(client, new Set());
    const { view } = this.#store;
    const changed = since === undefined ? undefined : this.#changedSince(channel, since);
    if (changed) client.send(changes(feed, changed, view, true)!);
    else client.send(whole(feed, view));
  }

  #refusal(client: Client, channel: Channel | undefined): string | undefined {
    if (!channel) return 'there is no such list';
    if (!has(client.actor, channel.list.right)) return 'you may not see this';
    const open = [...this.#feeds.values()].filter(({ clients }) => clients.has(client)).length;
    return open >= MOST_CHANNELS ? 'too many lists are open in this tab' : undefined;
  }

  close(client: Client, name: string): void {
    const feed = this.#feeds.get(name);
    if (!feed) return;
    feed.clients.delete(client);
    if (feed.clients.size === 0) this.#feeds.delete(name);
  }

  /** The client is gone. */
  leave(client: Client): void {
    for (const name of [...this.#feeds.keys()]) this.close(client, name);
  }

  end(): void {
    this.#unwatch();
    this.#cancel?.();
    this.#feeds.clear();
  }

  #note(events: readonly StoreEvent[]): void {
    if (this.#feeds.size === 0) return;
    const { view } = this.#store;
    for (const feed of this.#feeds.values())
      for (const event of events) for (const id of feed.list.dirty(event, view)) feed.dirty.add(id);
    this.#cancel ??= this.#clock.timer(PACE, () => this.#tell());
  }

  #tell(): void {
    this.#cancel = undefined;
    let isLate = false;
    for (const feed of this.#feeds.values()) {
      const { dirty } = feed;
      feed.dirty = new Set();
      const text = dirty.size > 0 ? changes(feed, dirty, this.#store.view) : undefined;
      for (const [client, missed] of feed.clients) {
        if (client.unread() > SLOW) {
          for (const id of dirty) missed.add(id);
        } else if (missed.size > 0) {
          feed.clients.set(client, new Set());
          const late = changes(feed, new Set([...missed, ...dirty]), this.#store.view);
          if (late !== undefined) client.send(late);
        } else if (text !== undefined) client.send(text);
        isLate ||= feed.clients.get(client)!.size > 0;
      }
    }
    if (isLate) this.#cancel = this.#clock.timer(PACE, () => this.#tell());
  }

  /** The ids of the rows that have changed since then; undefined if that is not known any more. */
  #changedSince(channel: Channel, since: number): Set<string> | undefined {
    const { view } = this.#store;
    if (since > view.revision) return undefined;
    const ids = new Set<string>();
    try {
      this.#store.watch(since, ({ events }) => {
        for (const event of events) for (const id of channel.list.dirty(event, view)) ids.add(id);
      })();
      return ids;
    } catch (error) {
      if (error instanceof CompactedError) return undefined;
      throw error;
    }
  }
}

function whole({ name, list, filter, told }: Feed, view: View): string {
  const rows = [...list.ids(view, filter)]
    .map((id) => list.row(id, view, filter))
    .filter((row) => row !== undefined);
  for (const { id } of rows) told.add(id);
  return JSON.stringify({ channel: name, revision: view.revision, whole: true, rows });
}

/** Undefined if none of it is to be told. `isAgain`: to somebody who knows rows that are not in `told`. */
function changes(
  { name, list, filter, told }: Feed,
  ids: ReadonlySet<string>,
  view: View,
  isAgain = false,
): string | undefined {
  const isFiltered = Object.keys(filter).length > 0;
  const rows: unknown[] = [];
  const gone: string[] = [];
  for (const id of ids) {
    const row = list.row(id, view, filter);
    if (row) {
      if (isFiltered) told.add(id);
      rows.push(row);
    } else if (!isFiltered || isAgain || told.has(id)) gone.push(id);
  }
  if (rows.length === 0 && gone.length === 0 && !isAgain) return undefined;
  return JSON.stringify({ channel: name, revision: view.revision, rows, ...(gone.length > 0 && { gone }) });
}
