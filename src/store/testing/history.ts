/**
 * What was asked of a store, and what came of it, held against what there is in the end: each write has an id of its own
 * and moves a counter on, so that one that is lost, done twice or written by who had no right to shows.
 */
import type { Commit, Committed, Decision, Store, View } from '../contract.ts';
import { sampleSecret, sampleService } from '../samples.ts';
import { StoreError } from '../store-error.ts';

export interface Write {
  id: string;
  /** Milliseconds, by one clock for all writes of a history. */
  began: number;
  ended: number;
  outcome: 'acknowledged' | 'refused' | 'unknown';
  revision?: number;
  /** The counter as this write has left it. */
  count?: number;
  /** In whose term of office it was decided, where that is known. */
  term?: string;
  error?: string;
}

/** What there is in the end. */
export interface Outcome {
  /** Of each write that is there. */
  revisions: ReadonlyMap<string, number>;
  counted: number;
}

const COUNTER = 'counter';

export function outcomeIn(view: View): Outcome {
  const revisions = new Map([...view.all('secret')].map(({ ID, Version }) => [ID, Version.Index]));
  return { revisions, counted: countOf(view) };
}

/** One write through that store; never rejects but for what is no answer of a store. `term`: asked when it is decided. */
export async function writeTo(
  store: Store,
  id: string,
  now: () => number,
  term?: () => string,
): Promise<Write> {
  const began = now();
  try {
    const { revision, result } = await store.commit((view) => step(view, id, term?.()));
    return acknowledged(id, began, now(), { revision, result });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const refused = error.message.includes('nothing was written');
    return { id, began, ended: now(), outcome: refused ? 'refused' : 'unknown', error: error.message };
  }
}

export class History {
  readonly writes: Write[] = [];
  #next = 0;

  async write(store: Store): Promise<Write> {
    const write = await writeTo(store, `w${this.#next++}`, () => performance.now());
    this.writes.push(write);
    return write;
  }

  count(outcome: Write['outcome']): number {
    return this.writes.filter((write) => write.outcome === outcome).length;
  }

  /** What is wrong with that, after all writes have ended; nothing if it is as they say. */
  problems({ revisions, counted }: Outcome): string[] {
    const problems: string[] = [];
    for (const { id, outcome, revision, error } of this.writes) {
      const present = revisions.get(id);
      if (outcome === 'acknowledged' && present === undefined)
        problems.push(`${id} was acknowledged and is lost`);
      if (outcome === 'refused' && present !== undefined)
        problems.push(`${id} was refused (${error}) and is there`);
      if (outcome === 'acknowledged' && present !== undefined && present !== revision)
        problems.push(`${id} was acknowledged at ${revision} and is of ${present}`);
    }
    if (counted !== revisions.size)
      problems.push(`there are ${revisions.size} writes, and ${counted} were counted`);
    return [...problems, ...this.#orderProblems()];
  }

  /** Whatever had been acknowledged when a write began comes before it, and no term of office goes on after another one. */
  #orderProblems(): string[] {
    const problems: string[] = [];
    const byRevision = this.writes
      .filter(({ outcome }) => outcome === 'acknowledged')
      .sort((a, b) => a.revision! - b.revision!);
    let latestBegin = { id: '', began: Number.NEGATIVE_INFINITY };
    const over = new Set<string>();
    let last: Write | undefined;
    for (const write of byRevision) {
      if (last && last.count! >= write.count!)
        problems.push(`${last.id} has counted ${last.count}, and ${write.id}, after it, ${write.count}`);
      if (write.ended < latestBegin.began)
        problems.push(`${latestBegin.id} began when ${write.id} had been acknowledged, and comes before it`);
      if (write.began > latestBegin.began) latestBegin = write;
      if (last?.term !== undefined && last.term !== write.term) over.add(last.term);
      if (write.term !== undefined && over.has(write.term))
        problems.push(`${write.id} is of the term ${write.term}, which was over at ${last?.id}`);
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

interface Step {
  count: number;
  term: string | undefined;
}

function step(view: View, id: string, term: string | undefined): Decision<Step> {
  const present = view.get('service', COUNTER) ?? sampleService(COUNTER);
  const count = countOf(view) + 1;
  const counter = { ...present, Spec: { ...present.Spec, Labels: { n: String(count) } } };
  return {
    changes: [
      { op: 'put', kind: 'service', object: counter },
      { op: 'put', kind: 'secret', object: sampleSecret(id, id) },
    ],
    result: { count, term },
  };
}

function countOf(view: View): number {
  return Number(view.get('service', COUNTER)?.Spec.Labels?.n ?? 0);
}

function acknowledged(
  id: string,
  began: number,
  ended: number,
  committed: Pick<Committed<Step>, 'revision' | 'result'>,
): Write {
  const { count, term } = committed.result;
  const { revision } = committed;
  return { id, began, ended, outcome: 'acknowledged', revision, count, ...(term !== undefined && { term }) };
}
