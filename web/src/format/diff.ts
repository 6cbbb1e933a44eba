/** Two texts beside each other, line by line. */

export interface DiffLine {
  kind: 'same' | 'gone' | 'new';
  /** Numbers of lines, from 1. */
  before?: number;
  after?: number;
  text: string;
}

/** Beyond that many lines of difference the shortest way is not looked for. */
const MOST_STEPS = 400;

/** The lines of both, in order, with as few changes as there have to be. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const middle = shortest(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const kinds = [
    ...Array<DiffLine['kind']>(start).fill('same'),
    ...middle,
    ...Array<DiffLine['kind']>(end).fill('same'),
  ];
  let [i, j] = [0, 0];
  return kinds.map((kind): DiffLine => {
    if (kind === 'gone') return { kind, before: i + 1, text: a[i++]! };
    if (kind === 'new') return { kind, after: j + 1, text: b[j++]! };
    return { kind, before: i + 1, after: ++j, text: a[i++]! };
  });
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  return text.replace(/\n$/, '').split('\n');
}

/** Myers’ way: how far each diagonal comes with each step more. */
function shortest(a: readonly string[], b: readonly string[]): Array<DiffLine['kind']> {
  const reach = new Map<number, number>([[1, 0]]);
  const trace: Array<Map<number, number>> = [];
  const most = Math.min(a.length + b.length, MOST_STEPS);
  for (let step = 0; step <= most; step++) {
    trace.push(new Map(reach));
    for (let k = -step; k <= step; k += 2) {
      const isDown = k === -step || (k !== step && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = isDown ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return wayBack(trace, a.length, b.length);
    }
  }
  return [...a.map(() => 'gone' as const), ...b.map(() => 'new' as const)];
}

function wayBack(trace: ReadonlyArray<Map<number, number>>, x: number, y: number): Array<DiffLine['kind']> {
  const way: Array<DiffLine['kind']> = [];
  for (let step = trace.length - 1; step >= 0; step--) {
    const reach = trace[step]!;
    const k = x - y;
    const isDown = k === -step || (k !== step && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const from = isDown ? k + 1 : k - 1;
    const fromX = step === 0 ? 0 : (reach.get(from) ?? 0);
    const fromY = step === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      way.push('same');
      [x, y] = [x - 1, y - 1];
    }
    if (step === 0) break;
    way.push(isDown ? 'new' : 'gone');
    [x, y] = [fromX, fromY];
  }
  return way.reverse();
}

/** Lines, or how many that are the same were left out. */
export type Folded = DiffLine | { kind: 'left-out'; count: number; text: string };

/** Only what differs, with so many lines around it. */
export function folded(lines: readonly DiffLine[], around = 3): Folded[] {
  const isShown = lines.map(() => false);
  for (const [index, { kind }] of lines.entries())
    if (kind !== 'same')
      for (let at = Math.max(0, index - around); at <= Math.min(lines.length - 1, index + around); at++)
        isShown[at] = true;
  const shown: Folded[] = [];
  for (const [index, line] of lines.entries()) {
    const last = shown.at(-1);
    if (isShown[index]) shown.push(line);
    else if (last?.kind === 'left-out') last.count++;
    else shown.push({ kind: 'left-out', count: 1, text: '' });
  }
  return shown;
}

/** The same for two columns: what has gone beside what came in its place. */
export function sideBySide(
  lines: readonly Folded[],
): Array<[left: Folded | undefined, right: Folded | undefined]> {
  const rows: Array<[Folded | undefined, Folded | undefined]> = [];
  let free = 0;
  for (const line of lines) {
    if (line.kind === 'gone') rows.push([line, undefined]);
    else if (line.kind === 'new') {
      free = Math.max(free, firstFree(rows));
      if (free < rows.length) rows[free++]![1] = line;
      else {
        rows.push([undefined, line]);
        free = rows.length;
      }
    } else {
      rows.push([line, line]);
      free = rows.length;
    }
  }
  return rows;
}

/** The first of the last rows that have nothing on the right yet. */
function firstFree(rows: ReadonlyArray<[unknown, unknown]>): number {
  let at = rows.length;
  while (at > 0 && rows[at - 1]![0] !== undefined && rows[at - 1]![1] === undefined) at--;
  return at;
}
