/** Orders of rows. */

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The rows by a value, numbers as numbers and `web.2` before `web.10`; what has no value comes last. A new array. */
export function sorted<R>(
  rows: readonly R[],
  value: (row: R) => string | number | undefined,
  isDown: boolean,
): R[] {
  const sign = isDown ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: value(row) }));
  keyed.sort(({ key: a }, { key: b }) => {
    if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
    if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
    return sign * collator.compare(String(a), String(b));
  });
  return keyed.map(({ row }) => row);
}
