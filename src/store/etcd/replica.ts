/** The view of what is in etcd: moved on by this manager's own transactions and by what the watch tells, each once. */
import { type Checked, eventsAt } from '../checked.ts';
import { type Commit, KINDS, type StoreEvent, type View } from '../contract.ts';
import { decodeSpec } from '../encoding/task-spec.ts';
import { MemoryView } from '../view.ts';
import { WatchLog } from '../watch-log.ts';
import type { Keys } from './keys.ts';
import { DELETED, type WatchEvent } from './messages.ts';
import type { SpecUses } from './specs.ts';
import { type LoadedState, readable } from './state.ts';
import { decodeValue } from './values.ts';

/** A transaction of this manager that is under way or whose outcome is not known. */
export interface OwnWrite {
  /** What it puts into the head. */
  id: string;
  checked: readonly Checked[];
  /** The places of objects that it creates. */
  created: ReadonlyMap<string, number>;
  /** At which revision of the view it was written, once that is known. */
  written: PromiseWithResolvers<number>;
  revision?: number;
}

export class Replica {
  readonly #keys: Keys;
  readonly #key: Buffer;
  readonly #offset: number;
  readonly #view = new MemoryView();
  readonly #log: WatchLog;
  #specs: SpecUses;
  #order: Map<string, number>;
  #head: number;
  /** etcd's revision that the view shows. */
  #shown: number;
  #own: OwnWrite | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(keys: Keys, key: Buffer, { revision, head, offset, objects, order, specs }: LoadedState) {
    this.#keys = keys;
    this.#key = key;
    this.#offset = offset;
    this.#specs = specs;
    this.#order = order;
    this.#head = head;
    this.#shown = revision;
    this.#view.apply({ revision: head + offset, events: objects });
    this.#log = new WatchLog({ revision: head + offset });
  }

  get view(): View {
    return this.#view;
  }

  get specs(): SpecUses {
    return this.#specs;
  }

  get order(): ReadonlyMap<string, number> {
    return this.#order;
  }

  /** etcd's revision of the last transaction that the view shows. */
  get head(): number {
    return this.#head;
  }

  /** etcd's revision that the view shows. */
  get shown(): number {
    return this.#shown;
  }

  watch(from: number, listener: (commit: Commit) => void): () => void {
    return this.#log.watch(from, listener);
  }

  /** Its outcome is known by its id when the watch tells of it, also if nobody has answered. */
  expect(own: OwnWrite | undefined): void {
    this.#own = own;
  }

  /** Resolves when the view shows the transaction that etcd has written at that revision; never if it does not come to that. */
  reached(revision: number): Promise<void> {
    if (this.#head >= revision) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#head < revision) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  /** The transaction was written at that revision of etcd, next after what the view showed. Returns the view's revision. */
  wrote(own: OwnWrite, revision: number): number {
    if (this.#own === own) this.#own = undefined;
    own.revision = revision + this.#offset;
    if (revision > this.#shown) {
      for (const [key, index] of own.created) if (index > 0) this.#order.set(key, index);
      this.#show(eventsAt(own.checked, own.revision), revision, revision);
    }
    own.written.resolve(own.revision);
    return own.revision;
  }

  /** The watch tells of what was written at that revision of etcd. @throws StoreError if it cannot be read */
  heard(revision: number, heard: readonly WatchEvent[]): void {
    const head = heard.find(({ kv }) => kv?.key === this.#keys.head)?.kv?.value.toString();
    if (this.#own && head === this.#own.id) this.wrote(this.#own, revision);
    if (revision <= this.#shown) return;
    const events = heard.flatMap(({ type, kv }) =>
      this.#eventOf(type === DELETED, kv!.key, kv!.value, revision),
    );
    this.#show(events, revision, head === undefined ? this.#head : revision);
  }

  /** Takes over a state that was read anew: all that is different comes as one commit. */
  replace({ revision, head, objects, order, specs }: LoadedState): void {
    if (revision <= this.#shown) return;
    this.#specs = specs;
    this.#order = order;
    const kept = new Set<string>();
    const events = objects.flatMap((event): StoreEvent[] => {
      kept.add(`${event.kind}/${event.id}`);
      const before = this.#view.get(event.kind, event.id);
      if (before?.Version.Index === event.after?.Version.Index) return [];
      return [(before ? { ...event, before } : event) as StoreEvent];
    });
    for (const { kind, id, before } of this.#all()) {
      if (!kept.has(`${kind}/${id}`)) events.push({ kind, id, before } as StoreEvent);
    }
    this.#commit(events, revision, head);
  }

  *#all(): Generator<StoreEvent> {
    for (const kind of KINDS) {
      for (const object of this.#view.all(kind)) yield { kind, id: object.ID, before: object } as StoreEvent;
    }
  }

  #eventOf(deleted: boolean, key: string, value: Buffer, revision: number): StoreEvent[] {
    const named = this.#keys.parse(key);
    if (!named) return [];
    if ('digest' in named) {
      const { digest } = named;
      if (!deleted)
        this.#specs.learn(
          digest,
          readable(key, () => decodeSpec({ digest, body: value.toString() })),
        );
      return [];
    }
    const { kind, id } = named;
    const before = this.#view.get(kind, id);
    if (deleted) {
      this.#order.delete(key);
      return before ? [{ kind, id, before } as StoreEvent] : [];
    }
    const { object, index } = readable(key, () =>
      decodeValue({ kind, id, value, revision: revision + this.#offset }, this.#key, (each) =>
        this.#specs.get(each),
      ),
    );
    if (index > 0) this.#order.set(key, index);
    return [(before ? { kind, id, before, after: object } : { kind, id, after: object }) as StoreEvent];
  }

  #show(events: readonly StoreEvent[], revision: number, head: number): void {
    this.#specs.apply(events);
    for (const { kind, id, after } of events) if (!after) this.#order.delete(this.#keys.object(kind, id));
    this.#commit(events, revision, head);
  }

  #commit(events: readonly StoreEvent[], revision: number, head: number): void {
    this.#shown = revision;
    this.#head = head;
    if (events.length > 0) {
      const commit = { revision: revision + this.#offset, events };
      this.#view.apply(commit);
      this.#log.append(commit);
    }
    for (const look of [...this.#waiting]) look();
  }
}
