/**
 * What was asked of a store, and what came of it, held against what there is in the end: each write has an id of its own
 * and moves a counter on, so that one that is lost, done twice or written by who had no right to shows.
 */
import type { Commit, Committed, Decision, Store, View } from '../contract.ts';
import { sampleSecret, sampleService } from '../samples.ts';
import { StoreError } from '../store-error.ts';

interface Write {
  id: string;
  /** Milliseconds. */
  began: number;
  ended: number;
  outcome: 'acknowledged' | 'refused' | 'unknown';
  revision?: number;
  /** The counter as this write has left it. */
  count?: number;
  error?: string;
}

const COUNTER = 'counter';

export class History {
  readonly writes: Write[] = [];
  #next = 0;

  /** One write through that store; never rejects but for what is no answer of a store. */
  async write(store: Store): Promise<Write> {
    const id = `w${this.#next++}`;
    const began = performance.now();
    const write = await store
      .commit((view) => step(view, id))
      .then(
        (committed) => acknowledged(id, began, committed),
        (error: unknown) => failed(id, began, error),
      );
    this.writes.push(write);
    return write;
  }

  count(outcome: Write['outcome']): number {
    return this.writes.filter((write) => write.outcome === outcome).length;
  }

  /** What is wrong with the view, after all writes have ended; nothing if it is as they say. */
  problems(view: View): string[] {
    const problems: string[] = [];
    const present = this.writes.filter(({ id }) => view.get('secret', id) !== undefined);
    for (const { id, outcome, revision, error } of this.writes) {
      const object = view.get('secret', id);
      if (outcome === 'acknowledged' && !object) problems.push(`${id} was acknowledged and is lost`);
      if (outcome === 'refused' && object) problems.push(`${id} was refused (${error}) and is there`);
      if (outcome === 'acknowledged' && object && object.Version.Index !== revision)
        problems.push(`${id} was acknowledged at ${revision} and is of ${object.Version.Index}`);
    }
    if (countOf(view) !== present.length)
      problems.push(`there are ${present.length} writes, and ${countOf(view)} were counted`);
    return [...problems, ...this.#orderProblems()];
  }

  /** Whatever had been acknowledged when a write began comes before it. */
  #orderProblems(): string[] {
    const problems: string[] = [];
    const byRevision = this.writes
      .filter(({ outcome }) => outcome === 'acknowledged')
      .sort((a, b) => a.revision! - b.revision!);
    let latestBegin = { id: '', began: Number.NEGATIVE_INFINITY };
    let last: Write | undefined;
    for (const write of byRevision) {
      if (last && last.count! >= write.count!)
        problems.push(`${last.id} has counted ${last.count}, and ${write.id}, after it, ${write.count}`);
      if (write.ended < latestBegin.began)
        problems.push(`${latestBegin.id} began when ${write.id} had been acknowledged, and comes before it`);
      if (write.began > latestBegin.began) latestBegin = write;
      last = write;
    }
    return problems;
  }
}

/** Looks on at a store: what it tells must be in order, each write once. */
export class Onlooker {
  readonly problems: string[] = [];
  readonly #seen = new Set<string>();
  #revision: number;

  constructor(store: Store) {
    this.#revision = store.view.revision;
    for (const { ID } of store.view.all('secret')) this.#seen.add(ID);
    store.watch(this.#revision, (commit) => this.#heard(commit));
  }

  /** How many writes it knows of. */
  get seen(): number {
    return this.#seen.size;
  }

  #heard({ revision, events }: Commit): void {
    if (revision <= this.#revision) this.problems.push(`${revision} was told after ${this.#revision}`);
    this.#revision = revision;
    for (const { kind, id } of events) {
      if (kind !== 'secret') continue;
      if (this.#seen.has(id)) this.problems.push(`${id} was told twice`);
      this.#seen.add(id);
    }
  }
}

function step(view: View, id: string): Decision<number> {
  const present = view.get('service', COUNTER) ?? sampleService(COUNTER);
  const count = countOf(view) + 1;
  const counter = { ...present, Spec: { ...present.Spec, Labels: { n: String(count) } } };
  return {
    changes: [
      { op: 'put', kind: 'service', object: counter },
      { op: 'put', kind: 'secret', object: sampleSecret(id, id) },
    ],
    result: count,
  };
}

function countOf(view: View): number {
  return Number(view.get('service', COUNTER)?.Spec.Labels?.n ?? 0);
}

function acknowledged(id: string, began: number, { revision, result }: Committed<number>): Write {
  return { id, began, ended: performance.now(), outcome: 'acknowledged', revision, count: result };
}

function failed(id: string, began: number, error: unknown): Write {
  if (!(error instanceof StoreError)) throw error;
  const refused = error.message.includes('nothing was written');
  const outcome = refused ? 'refused' : 'unknown';
  return { id, began, ended: performance.now(), outcome, error: error.message };
}
