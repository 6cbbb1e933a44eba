/** Times of events, in nanoseconds since the epoch, which do not fit a number. */

export const MILLISECOND = 1_000_000n;
export const SECOND = 1_000_000_000n;
/** After every event. */
export const FOREVER = 1n << 63n;

/** What a query says as Unix seconds with a fraction; undefined if that is not what it says. */
export function parseTime(text: string): bigint | undefined {
  const [, seconds, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  return BigInt(seconds) * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** As a query says it. */
export function timeText(time: bigint): string {
  return `${time / SECOND}.${String(time % SECOND).padStart(9, '0')}`;
}

/** When what a line of the engine's stream tells of happened; 0 if it does not say so. */
export function timeOfLine(line: string): bigint {
  return BigInt(/"timeNano":(\d+)/.exec(line)?.[1] ?? 0);
}

/** Both in one, by time; each is in order. Where two have the same time, the engine's comes first. */
export function byTime<T extends { timeNano: bigint }>(
  lines: readonly string[],
  events: readonly T[],
): Array<string | T> {
  const merged: Array<string | T> = [];
  let at = 0;
  for (const line of lines) {
    const time = timeOfLine(line);
    while (at < events.length && events[at]!.timeNano < time) merged.push(events[at++]!);
    merged.push(line);
  }
  return [...merged, ...events.slice(at)];
}
