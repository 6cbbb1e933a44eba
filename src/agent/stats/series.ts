/** What one container, or the host, has used: an hour closely, a day by the minute. Pure. */
import { FIELDS, type Point, Ring, type Sample } from './ring.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How often it is looked, ms. */
export const STEP = 10 * SECOND;

/** What has been counted up to a moment, since the container was started. */
export interface Usage {
  /** Seconds of one processor. */
  cpu: number;
  /** Bytes: of memory now, of the others all in all. */
  memory: number;
  received: number;
  sent: number;
  read: number;
  written: number;
}

export class Series {
  readonly #close = new Ring(360, STEP);
  readonly #coarse = new Ring(24 * 60, MINUTE);
  #before: { at: number; usage: Usage } | undefined;
  /** Of the minute that is not over. */
  #minute = { of: -1, count: 0, sum: new Float64Array(FIELDS.length) };

  get newest(): number {
    return this.#before?.at ?? Number.NEGATIVE_INFINITY;
  }

  /** What was counted at that time (ms since the epoch). Of two looks that are too near one is enough. */
  note(at: number, usage: Usage): void {
    const before = this.#before;
    if (before && at - before.at < STEP / 4) return;
    this.#before = { at, usage };
    if (!before) return;
    const seconds = (at - before.at) / SECOND;
    // A container that was started anew counts anew.
    const rate = (of: keyof Usage): number => Math.max(0, usage[of] - before.usage[of]) / seconds;
    const sample: Sample = {
      cpu: rate('cpu'),
      memory: usage.memory,
      received: rate('received'),
      sent: rate('sent'),
      read: rate('read'),
      written: rate('written'),
    };
    // It is looked at the full ten seconds, give or take a moment.
    const on = Math.round(at / STEP) * STEP;
    this.#close.put(on, sample);
    this.#add(on, sample);
  }

  /** The points since that time, of the last hour or by the minute. */
  since(from: number, by: 'close' | 'minute'): Point[] {
    return (by === 'close' ? this.#close : this.#coarse).since(from);
  }

  #add(at: number, sample: Sample): void {
    const minute = Math.floor(at / MINUTE);
    const { of, count, sum } = this.#minute;
    if (of !== minute) {
      if (count > 0) this.#coarse.put(of * MINUTE, mean(sum, count));
      this.#minute = { of: minute, count: 0, sum: new Float64Array(FIELDS.length) };
    }
    this.#minute.count++;
    FIELDS.forEach((field, index) => {
      this.#minute.sum[index]! += sample[field];
    });
  }
}

function mean(sum: Float64Array, count: number): Sample {
  return Object.fromEntries(FIELDS.map((field, index) => [field, sum[index]! / count])) as unknown as Sample;
}
