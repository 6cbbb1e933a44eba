/**
 * What has happened in the model of etcd, in the order in which it took effect: the state as it is, and whether each
 * write was its maker's to make. Nothing of it comes from a manager.
 */

import type { TaskSpec } from '../../../src/model/spec.ts';
import type { Commit, StoreEvent, View } from '../../../src/store/contract.ts';
import { decodeSpec } from '../../../src/store/encoding/task-spec.ts';
import { Keys } from '../../../src/store/etcd/keys.ts';
import { DELETED, type WatchEvent } from '../../../src/store/etcd/messages.ts';
import { decodeValue } from '../../../src/store/etcd/values.ts';
import { MemoryView } from '../../../src/store/view.ts';
import type { Entry } from '../etcd/cluster.ts';
import type { Keyspace } from '../etcd/keyspace.ts';
import { Violation } from '../invariants.ts';
import { ENCRYPTION, LEADER, PREFIX } from './places.ts';

/** Labels with this name tell one write of a user from another. */
export const MARK = 'mark';

export interface TruthHooks {
  committed(commit: Commit, view: View): void;
  /** Somebody is on record from now on; undefined: nobody. */
  led(by: unknown): void;
  broken(violation: Violation): void;
}

export class Truth {
  readonly #view = new MemoryView();
  readonly #keys = new Keys(PREFIX);
  readonly #hooks: TruthHooks;
  readonly #specs = new Map<string, TaskSpec>();
  /** The revisions at which each object was written, by kind and id; those that were deleted end with 0. */
  readonly #written = new Map<string, number[]>();
  readonly #marks = new Set<string>();
  #revision = 1;
  #leader: { by: unknown } | undefined;

  constructor(hooks: TruthHooks) {
    this.#hooks = hooks;
  }

  get view(): View {
    return this.#view;
  }

  /** Who is on record as the leader. */
  get leader(): unknown {
    return this.#leader?.by;
  }

  /** Whether a write with that mark has taken effect. */
  hasHappened(mark: string): boolean {
    return this.#marks.has(mark);
  }

  wasDeleted(kind: string, id: string): boolean {
    return this.#written.get(`${kind}/${id}`)?.includes(0) === true;
  }

  /** Whether the object was ever written at that revision. */
  wasWritten(kind: string, id: string, revision: number): boolean {
    return this.#written.get(`${kind}/${id}`)?.includes(revision) === true;
  }

  happened({ by, revision }: Entry, keyspace: Keyspace): void {
    if (revision === this.#revision) return;
    this.#revision = revision;
    const events = keyspace.eventsAt(revision);
    const lead = events.find(({ kv }) => kv!.key === LEADER);
    if (lead) {
      this.#leader = lead.type === DELETED ? undefined : { by };
      this.#hooks.led(this.#leader?.by);
    }
    const own = events.filter(({ kv }) => kv!.key.startsWith(PREFIX));
    if (own.length === 0) return;
    if (by !== 'setup' && this.#leader?.by !== by)
      this.#hooks.broken(
        new Violation(`revision ${revision} was written by a manager that was not on record`),
      );
    const commit = { revision, events: this.#decode(own, revision) };
    if (commit.events.length === 0) return;
    this.#view.apply(commit);
    this.#hooks.committed(commit, this.#view);
  }

  #note(kind: string, id: string, at: number): void {
    const written = this.#written.get(`${kind}/${id}`);
    if (written) written.push(at);
    else this.#written.set(`${kind}/${id}`, [at]);
  }

  #decode(events: readonly WatchEvent[], revision: number): StoreEvent[] {
    const found: Array<{ index: number; event: StoreEvent }> = [];
    for (const { type, kv } of events) {
      const { key, value } = kv!;
      const named = this.#keys.parse(key);
      if (!named) continue;
      if ('digest' in named) {
        const { digest } = named;
        if (type !== DELETED) this.#specs.set(digest, decodeSpec({ digest, body: value.toString() }));
        continue;
      }
      const { kind, id } = named;
      const before = this.#view.get(kind, id);
      if (type === DELETED) {
        this.#note(kind, id, 0);
        found.push({ index: 0, event: { kind, id, before } as StoreEvent });
        continue;
      }
      const { object, index } = decodeValue({ kind, id, value, revision }, ENCRYPTION.key, (digest) =>
        this.#specs.get(digest),
      );
      this.#note(kind, id, object.Version.Index);
      const mark = 'Spec' in object && 'Labels' in object.Spec ? object.Spec.Labels?.[MARK] : undefined;
      if (mark !== undefined) this.#marks.add(mark);
      found.push({
        index,
        event: (before ? { kind, id, before, after: object } : { kind, id, after: object }) as StoreEvent,
      });
    }
    return found.sort((a, b) => a.index - b.index).map(({ event }) => event);
  }
}
