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

/** A row in its place. `round`: when it was last among those that were to be sorted. */
interface Keyed<R> {
  row: R;
  key: Key;
  round: number;
}

/**
 * Keeps rows in an order while some of them change: only those whose value is another one are put elsewhere. Of thousands of
 * rows some change twenty times a second, so that a round makes little besides the array that it answers with.
 */
export class Sorter<R extends { id: string }> {
  #ordered: Array<Keyed<R>> = [];
  readonly #places = new Map<string, Keyed<R>>();
  #value: ((row: R) => Key) | undefined;
  #isDown = false;
  #round = 0;

  /** The rows by that value. A new array. */
  sort(rows: readonly R[], value: (row: R) => Key, isDown: boolean): R[] {
    if (value !== this.#value || isDown !== this.#isDown) {
      this.#ordered = [];
      this.#places.clear();
    }
    this.#value = value;
    this.#isDown = isDown;
    const round = ++this.#round;
    const moved: Array<Keyed<R>> = [];
    let stayed = 0;
    for (const row of rows) {
      const place = this.#places.get(row.id);
      const key = place?.row === row ? place.key : value(row);
      if (place && place.key === key) {
        place.row = row;
        place.round = round;
        stayed++;
      } else {
        const other = { row, key, round };
        this.#places.set(row.id, other);
        moved.push(other);
      }
    }
    if (stayed < this.#ordered.length)
      this.#ordered = this.#ordered.filter((place) => {
        const isHere = place.round === round;
        if (!isHere && this.#places.get(place.row.id) === place) this.#places.delete(place.row.id);
        return isHere;
      });
    if (moved.length > 0) {
      const sign = isDown ? -1 : 1;
      moved.sort((a, b) => compare(a.key, b.key, sign));
      this.#ordered = merged(this.#ordered, moved, sign);
    }
    return this.#ordered.map(({ row }) => row);
  }
}

function merged<R>(a: ReadonlyArray<Keyed<R>>, b: ReadonlyArray<Keyed<R>>, sign: number): Array<Keyed<R>> {
  const all: Array<Keyed<R>> = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const isFirst = j === b.length || (i < a.length && compare(a[i]!.key, b[j]!.key, sign) <= 0);
    all.push(isFirst ? a[i++]! : b[j++]!);
  }
  return all;
}
