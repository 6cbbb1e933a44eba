/**
 * Which hosts live: rules only, no sockets and no clock. The caller ticks it, carries out the checks that it asks for,
 * and tells it what was answered.
 *
 * A node is checked every fifth of the heartbeat period: its session is pinged, and as soon as the session is gone or
 * silent its host is probed as well. A check has a deadline shorter than that, and a check without any answer is followed
 * by the next one at once, so that four of them end within four fifths of the period of the loss of a host.
 *
 * A node that has no session yet, because its manager has just begun to lead or because it was just made, has its time to
 * come back, as long as its host answers. Where anything is known of the host, it is probed meanwhile, and lost after four
 * checks without an answer like any other.
 *
 * Time is counted only while the manager is awake: it moves on by little more than a tick however late the tick comes,
 * and a tick that comes very late makes the checks under way void.
 */

/** Missed checks in a row after which a silent session is dead, or a host is lost. */
const MISSES = 4;
/** Heartbeat periods that a host may answer without a daemon or an engine before it counts as lost all the same. */
const PERIODS_WITHOUT = 12;
/** Heartbeat periods that a node has to come back after the manager began to lead, or after it was made. */
const GRACE_PERIODS = 6;
/** Intervals that agents have to open their sessions before the hosts without one are probed. */
const HEAD_START = 0.5;
const CHECKS_PER_PERIOD = 5;
const TICKS_PER_CHECK = 10;
/** The deadline of a check, in intervals: one interval and four deadlines are less than four intervals. */
const DEADLINE = 0.7;

/** What to do for a node now. Answers are given back with `answered` under the same number. */
export interface Check {
  nodeId: string;
  number: number;
  ping: boolean;
  probe: boolean;
}

export interface Verdict {
  nodeId: string;
  /** unknown: the host answers, its daemon does not. Found out with one check if the session has ended, and not just fallen silent. */
  state: 'unknown' | 'down';
  message: string;
}

interface Life {
  session: boolean;
  /** It had one that has ended by itself. */
  ended: boolean;
  /** Awake time before which its daemon is not missed: the node has until then to come back. */
  graceUntil: number;
  /** The number of the check under way or, if none is, of the last one. */
  number: number;
  underWay: boolean;
  hostAnswered: boolean;
  startedAt: number;
  nextAt: number;
  /** Checks in a row that nothing on the host has answered. */
  hostMisses: number;
  /** Checks in a row that no daemon has answered. */
  daemonMisses: number;
  unknown: boolean;
  /** Awake time since when the host's engine does not answer its daemon. */
  engineAwaySince: number | undefined;
}

export class Liveness {
  readonly #lives = new Map<string, Life>();
  /** Milliseconds. */
  #interval = 1000;
  #awake = 0;
  #lastTick: number;
  #numbers = 0;

  /** `now`: milliseconds; `period`: the heartbeat period in milliseconds. */
  constructor(now: number, period: number) {
    this.#lastTick = now;
    this.period = period;
  }

  set period(ms: number) {
    this.#interval = ms / CHECKS_PER_PERIOD;
  }

  /** Milliseconds between two ticks. */
  get tickEvery(): number {
    return this.#interval / TICKS_PER_CHECK;
  }

  /**
   * The node should have a session but has none yet. Does nothing if the node is already watched. `probed`: its host is
   * asked for from now on; else nothing is asked before its time to come back is over.
   */
  expect(nodeId: string, probed: boolean): void {
    if (this.#lives.has(nodeId)) return;
    const graceUntil = this.#awake + GRACE_PERIODS * CHECKS_PER_PERIOD * this.#interval;
    const nextAt = probed ? this.#awake + HEAD_START * this.#interval : graceUntil;
    this.#lives.set(nodeId, this.#newLife({ session: false, graceUntil, nextAt }));
  }

  opened(nodeId: string): void {
    const nextAt = this.#awake + this.#interval;
    this.#lives.set(nodeId, this.#newLife({ session: true, graceUntil: this.#awake, nextAt }));
  }

  /** The node's session has ended by itself: whether its host lives is asked at once. */
  closed(nodeId: string): void {
    const life = this.#lives.get(nodeId);
    if (!life?.session) return;
    life.session = false;
    life.ended = true;
    life.underWay = false;
    life.nextAt = this.#awake;
  }

  /** The node's daemon says whether its engine answers. */
  engine(nodeId: string, answers: boolean): void {
    const life = this.#lives.get(nodeId);
    if (life) life.engineAwaySince = answers ? undefined : (life.engineAwaySince ?? this.#awake);
  }

  /** The node is not watched any more: it is gone, has left or is down. */
  forget(nodeId: string): void {
    this.#lives.delete(nodeId);
  }

  answered(nodeId: string, number: number, by: 'ping' | 'probe'): void {
    const life = this.#lives.get(nodeId);
    if (!life?.underWay || life.number !== number) return;
    life.hostMisses = 0;
    life.hostAnswered = true;
    if (by === 'probe') return;
    life.daemonMisses = 0;
    life.underWay = false;
    life.nextAt = life.startedAt + this.#interval;
  }

  /** `now`: when the tick's timer went off; call it after the input that had arrived by then was given to `answered`. */
  tick(now: number): { checks: Check[]; verdicts: Verdict[] } {
    const elapsed = now - this.#lastTick;
    this.#lastTick = now;
    this.#awake += Math.max(0, Math.min(elapsed, this.#interval / 4));
    const void_ = elapsed > this.#interval / 2;

    const checks: Check[] = [];
    const verdicts: Verdict[] = [];
    for (const [nodeId, life] of this.#lives) {
      if (life.underWay && void_) {
        life.underWay = false;
        life.nextAt = this.#awake;
      }
      if (life.underWay && this.#awake - life.startedAt >= DEADLINE * this.#interval) {
        const verdict = this.#missed(nodeId, life);
        if (verdict) verdicts.push(verdict);
        if (verdict?.state === 'down') continue;
      }
      if (this.#hasWaitedForEngine(life)) {
        this.#lives.delete(nodeId);
        const message = 'heartbeat failure: the host answers, its engine does not';
        verdicts.push({ nodeId, state: 'down', message });
        continue;
      }
      if (!life.underWay && this.#awake >= life.nextAt) checks.push(this.#begin(nodeId, life));
    }
    return { checks, verdicts };
  }

  #begin(nodeId: string, life: Life): Check {
    life.number = ++this.#numbers;
    life.underWay = true;
    life.hostAnswered = false;
    life.startedAt = this.#awake;
    const probe = !life.session || life.daemonMisses > 0;
    return { nodeId, number: life.number, ping: life.session, probe };
  }

  #missed(nodeId: string, life: Life): Verdict | undefined {
    life.underWay = false;
    if (life.startedAt >= life.graceUntil) life.daemonMisses++;
    if (!life.hostAnswered) life.hostMisses++;
    life.nextAt = life.hostAnswered ? life.startedAt + this.#interval : this.#awake;

    if (life.hostMisses >= MISSES) {
      this.#lives.delete(nodeId);
      return { nodeId, state: 'down', message: 'heartbeat failure' };
    }
    if (life.daemonMisses >= PERIODS_WITHOUT * CHECKS_PER_PERIOD) {
      this.#lives.delete(nodeId);
      return { nodeId, state: 'down', message: 'heartbeat failure: the host answers, its daemon does not' };
    }
    if (life.daemonMisses >= (life.ended ? 1 : MISSES) && life.hostAnswered && !life.unknown) {
      life.unknown = true;
      life.session = false;
      return { nodeId, state: 'unknown', message: 'the host answers, its daemon does not' };
    }
    return undefined;
  }

  #hasWaitedForEngine({ engineAwaySince }: Life): boolean {
    const patience = PERIODS_WITHOUT * CHECKS_PER_PERIOD * this.#interval;
    return engineAwaySince !== undefined && this.#awake - engineAwaySince >= patience;
  }

  #newLife(given: Pick<Life, 'session' | 'graceUntil' | 'nextAt'>): Life {
    return {
      ...given,
      ended: false,
      number: 0,
      underWay: false,
      hostAnswered: false,
      startedAt: this.#awake,
      hostMisses: 0,
      daemonMisses: 0,
      unknown: false,
      engineAwaySince: undefined,
    };
  }
}
