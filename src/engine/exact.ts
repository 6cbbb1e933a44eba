/** Numbers of Go's, which may be larger than numbers are exact here: those stay as they are written. */

/** `rawJSON` and the source of a value are newer than what TypeScript knows of. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** For JSON.parse; what it makes is written again as it was read. */
export function exactly(_: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  return rawJSON(source!);
}
