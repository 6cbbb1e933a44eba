/** Orders of rows. */

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

type Key = string | number | undefined;

/** Numbers as numbers and `web.2` before `web.10`; what has no value comes last, whichever way it goes. */
function compare(a: Key, b: Key, sign: number): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * collator.compare(String(a), String(b));
}

/** The rows by a value. A new array. */
export function sorted<R>(rows: readonly R[], value: (row: R) => Key, isDown: boolean): R[] {
  const sign = isDown ? -1 : 1;
  return rows
    .map((row) => ({ row, key: value(row) }))
    .sort((a, b) => compare(a.key, b.key, sign))
    .map(({ row }) => row);
}

interface Keyed<R> {
  row: R;
  key: Key;
}

/**
 * Keeps rows in an order while some of them change: only those whose value is another one are put elsewhere. Thousands of
 * rows of which some change twenty times a second cost little.
 */
export class Sorter<R extends { id: string }> {
  #ordered: Array<Keyed<R>> = [];
  #value: ((row: R) => Key) | undefined;
  #isDown = false;

  /** The rows by that value. A new array. */
  sort(rows: readonly R[], value: (row: R) => Key, isDown: boolean): R[] {
    if (value !== this.#value || isDown !== this.#isDown) this.#ordered = [];
    this.#value = value;
    this.#isDown = isDown;
    const sign = isDown ? -1 : 1;
    const left = new Map(rows.map((row) => [row.id, row]));
    const kept: Array<Keyed<R>> = [];
    const moved: Array<Keyed<R>> = [];
    for (const before of this.#ordered) {
      const row = left.get(before.row.id);
      if (!row) continue;
      left.delete(row.id);
      if (row === before.row) kept.push(before);
      else {
        const key = value(row);
        (key === before.key ? kept : moved).push({ row, key });
      }
    }
    for (const row of left.values()) moved.push({ row, key: value(row) });
    moved.sort((a, b) => compare(a.key, b.key, sign));
    this.#ordered = merged(kept, moved, sign);
    return this.#ordered.map(({ row }) => row);
  }
}

function merged<R>(a: ReadonlyArray<Keyed<R>>, b: ReadonlyArray<Keyed<R>>, sign: number): Array<Keyed<R>> {
  if (b.length === 0) return [...a];
  const all: Array<Keyed<R>> = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) all.push(compare(a[i]!.key, b[j]!.key, sign) <= 0 ? a[i++]! : b[j++]!);
  return [...all, ...a.slice(i), ...b.slice(j)];
}
