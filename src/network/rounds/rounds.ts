/** Comes round every few seconds and does all of its steps, whatever has become of the others. */
import type { Clock } from '../../model/clock.ts';
import type { NetworkLog } from '../contract.ts';
import { attempts, together } from './attempts.ts';

/** Between two rounds (ms); longer where they take long, but drift is mended within seconds. */
const PERIOD = 2_000;
const SHARE = 20;
const MAX_PERIOD = 4_000;

export interface RoundsOptions {
  steps: ReadonlyArray<() => Promise<void>>;
  clock: Clock;
  log: NetworkLog;
}

export class Rounds {
  readonly #options: RoundsOptions;
  #cancel = (): void => {};
  #closed = false;
  #underWay = false;
  /** Asked for while a round is under way: another one follows at once. */
  #again = false;
  /** What was told last of why it does not work: it is told once. */
  #trouble = '';

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** The next round comes then. @param ms the usual time if not given */
  next(ms = PERIOD): void {
    this.#cancel();
    if (this.#closed) return;
    // Never rejects.
    this.#cancel = this.#options.clock.timer(ms, () => void this.#round());
  }

  /** A round comes at once, after the one that is under way. */
  soon(): void {
    if (this.#underWay) this.#again = true;
    else this.next(0);
  }

  /** A round under way is not waited for. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    const started = performance.now();
    const { failures, attempt } = attempts();
    this.#underWay = true;
    this.#again = false;
    for (const step of this.#options.steps) await attempt(step);
    this.#underWay = false;
    if (this.#closed) return;
    this.#tell(failures);
    const took = performance.now() - started;
    if (this.#again) this.next(0);
    else this.next(failures.length > 0 ? PERIOD : Math.min(MAX_PERIOD, Math.max(PERIOD, SHARE * took)));
  }

  #tell(failures: readonly Error[]): void {
    const trouble = failures.map(({ message }) => message).join('; ');
    if (trouble !== '' && trouble !== this.#trouble) {
      const err = together(failures);
      this.#options.log.warn({ err }, 'the networks of this host are not as they should be yet');
    }
    this.#trouble = trouble;
  }
}
