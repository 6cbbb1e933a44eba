/** Points in time as a plot takes them. Pure. */

/** Times in seconds, then a column for each value; where a point is missing there is nothing, so that no line is drawn. */
export type Columns = [times: number[], ...values: Array<Array<number | null>>];

/** `of`: which values of a point (from 1), in this order. */
export function columnsOf(
  points: ReadonlyArray<readonly number[]>,
  step: number,
  of: readonly number[],
): Columns {
  const times: number[] = [];
  const values: Array<Array<number | null>> = of.map(() => []);
  let before: number | undefined;
  for (const point of points) {
    const at = point[0]!;
    if (before !== undefined && at - before > 1.5 * step) {
      times.push((before + step) / 1_000);
      for (const column of values) column.push(null);
    }
    times.push(at / 1_000);
    of.forEach((index, column) => {
      values[column]!.push(point[index] ?? null);
    });
    before = at;
  }
  return [times, ...values];
}

/** What was known, with what is new, of the time since `from` (ms). */
export function grown(
  before: ReadonlyArray<readonly number[]>,
  more: ReadonlyArray<readonly number[]>,
  from: number,
): Array<readonly number[]> {
  const first = more[0]?.[0] ?? Number.POSITIVE_INFINITY;
  return [...before.filter(([at = 0]) => at >= from && at < first), ...more];
}

/** `0.25`, `3.1`: processors in use. */
export function processors(count: number): string {
  return String(Number(count.toFixed(count < 0.1 ? 3 : 2)));
}
