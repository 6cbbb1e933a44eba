/** Times as people read them. */

const UNITS: Array<[name: string, seconds: number]> = [
  ['y', 365 * 86_400],
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
];

/** A duration in milliseconds in its one or two largest units: `3 d 4 h`, `12 s`; under a second `now`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const at = UNITS.findIndex(([, size]) => seconds >= size);
  if (at < 0) return 'now';
  const [name, size] = UNITS[at]!;
  const count = Math.floor(seconds / size);
  const text = `${count} ${name}`;
  const next = UNITS[at + 1];
  // Two units where one alone would be coarse.
  if (!next || count >= 10) return text;
  const rest = Math.floor((seconds % size) / next[1]);
  return rest > 0 ? `${text} ${rest} ${next[0]}` : text;
}

/** `3 min ago`; what is of this second is not ago. */
export const agoText = (text: string): string => (text === 'now' || text === '' ? text : `${text} ago`);

/** How long ago an RFC 3339 time was. A clock that is a little behind has no future. */
export function age(time: string, now: number): string {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? '' : duration(Math.max(0, now - ms));
}
