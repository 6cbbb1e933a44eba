/** What was measured, point by point on a grid of time; the oldest points make room. Pure. */

/** Processors in use (1: one whole), bytes, bytes a second. */
export const FIELDS = ['cpu', 'memory', 'received', 'sent', 'read', 'written'] as const;
export type Sample = Readonly<Record<(typeof FIELDS)[number], number>>;

/** A time on the grid, ms since the epoch, and the values in the order of FIELDS. */
export type Point = readonly [at: number, ...values: number[]];

/** Points are kept in pieces of so many, each made when it is needed: what lives for a minute takes little. */
const PIECE = 60;
const WIDTH = FIELDS.length;

export class Ring {
  /** Of the grid, ms. */
  readonly step: number;
  readonly #pieces: Array<Float32Array | undefined>;
  readonly #points: number;
  #last = -1;

  /** @param points how many are kept, a multiple of 60 */
  constructor(points: number, step: number) {
    this.step = step;
    this.#points = points;
    this.#pieces = Array.from({ length: points / PIECE });
  }

  /** The time of the newest point; -Infinity if there is none. */
  get newest(): number {
    return this.#last < 0 ? Number.NEGATIVE_INFINITY : this.#last * this.step;
  }

  /** Bytes that its points take. */
  get size(): number {
    return this.#pieces.reduce((sum, piece) => sum + (piece?.byteLength ?? 0), 0);
  }

  /** A point at that time; one that is older than the newest is left out. */
  put(at: number, sample: Sample): void {
    const slot = Math.floor(at / this.step);
    if (slot < this.#last) return;
    const first = Math.max(this.#last + 1, slot - this.#points + 1);
    if (this.#last >= 0) for (let gap = first; gap < slot; gap++) this.#clear(gap);
    const [piece, offset] = this.#place(slot, true);
    FIELDS.forEach((field, index) => {
      piece![offset + index] = sample[field];
    });
    this.#last = slot;
  }

  /** The points since that time, oldest first, without gaps' nothing. */
  since(from: number): Point[] {
    const found: Point[] = [];
    if (this.#last < 0) return found;
    const oldest = this.#last - this.#points + 1;
    for (let slot = Math.max(oldest, Math.ceil(from / this.step)); slot <= this.#last; slot++) {
      const [piece, offset] = this.#place(slot, false);
      if (!piece || Number.isNaN(piece[offset]!)) continue;
      found.push([slot * this.step, ...piece.subarray(offset, offset + WIDTH)]);
    }
    return found;
  }

  #clear(slot: number): void {
    const [piece, offset] = this.#place(slot, false);
    piece?.fill(Number.NaN, offset, offset + WIDTH);
  }

  #place(slot: number, isMade: boolean): [Float32Array | undefined, number] {
    const index = slot % this.#points;
    const number = Math.floor(index / PIECE);
    if (isMade) this.#pieces[number] ??= new Float32Array(PIECE * WIDTH).fill(Number.NaN);
    return [this.#pieces[number], (index % PIECE) * WIDTH];
  }
}

/** Adds points of several up, time by time. */
export function summed(all: ReadonlyArray<readonly Point[]>): Point[] {
  if (all.length === 1) return [...all[0]!];
  const sums = new Map<number, number[]>();
  for (const points of all)
    for (const [at, ...values] of points) {
      const sum = sums.get(at);
      if (sum) for (let i = 0; i < values.length; i++) sum[i]! += values[i]!;
      else sums.set(at, values);
    }
  return [...sums].sort(([a], [b]) => a - b).map(([at, values]) => [at, ...values]);
}
