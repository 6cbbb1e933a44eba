/** What one manager shows of the state, held against what has happened: only what was, and never back in time. */
import { isDeepStrictEqual } from 'node:util';
import { type Commit, KINDS, type Kind, type View } from '../../../src/store/contract.ts';
import { Violation } from '../invariants.ts';
import type { Truth } from './truth.ts';

export class Shown {
  readonly #who: string;
  readonly #truth: Truth;
  readonly #at = new Map<string, number>();
  #revision: number;

  /** @param view as it is from the beginning */
  constructor(who: string, view: View, truth: Truth) {
    this.#who = who;
    this.#truth = truth;
    this.#revision = view.revision;
    for (const kind of KINDS)
      for (const object of view.all(kind)) this.#show(kind, object.ID, object.Version.Index);
  }

  commit({ revision, events }: Commit): void {
    if (revision <= this.#revision)
      throw new Violation(`${this.#who} shows revision ${revision} after ${this.#revision}`);
    this.#revision = revision;
    for (const { kind, id, after } of events) {
      if (after) this.#show(kind, id, after.Version.Index);
      else if (!this.#truth.wasDeleted(kind, id))
        throw new Violation(`${this.#who} shows ${kind} ${id} as deleted, which it never was`);
    }
  }

  #show(kind: Kind, id: string, revision: number): void {
    const key = `${kind}/${id}`;
    const before = this.#at.get(key) ?? 0;
    if (revision < before)
      throw new Violation(`${this.#who} shows ${key} of revision ${revision} after that of ${before}`);
    if (!this.#truth.wasWritten(kind, id, revision))
      throw new Violation(`${this.#who} shows ${key} of revision ${revision}, at which it was not written`);
    this.#at.set(key, revision);
  }
}

/** As it is read again: who has written it may have fields without a value. */
function written<T>(object: T): T {
  return JSON.parse(JSON.stringify(object)) as T;
}

/** What is different between two views. */
export function differences(who: string, view: View, truth: View): string[] {
  const found: string[] = [];
  for (const kind of KINDS) {
    for (const object of truth.all(kind)) {
      const own = view.get(kind, object.ID);
      if (!own || own.Version.Index !== object.Version.Index || !isDeepStrictEqual(written(own), object))
        found.push(`${who} has ${kind} ${object.ID} at ${own?.Version.Index}, not ${object.Version.Index}`);
    }
    if (view.count(kind) !== truth.count(kind))
      found.push(`${who} has ${view.count(kind)} ${kind}s, not ${truth.count(kind)}`);
  }
  return found;
}
