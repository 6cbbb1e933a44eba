/**
 * Which hosts live: rules only, no sockets and no clock. The caller ticks it, carries out the checks that it asks for,
 * and tells it what was answered.
 *
 * A node is checked every 25th of the heartbeat period: its session is pinged. A check that nothing has answered by the next
 * one makes its host suspect: from then on it is probed as well, which its kernel answers for it, however busy, stopped or
 * absent its daemon is. (Probed later, a host that is cut off while its daemon is held up would have been silent for as long as
 * both take.) Whatever of the host answers a check, be it an earlier one, or is said by its daemon, ends the suspicion. Nine
 * checks in a row without any answer, and the host is lost: within two fifths of the period.
 *
 * Silence says so much only of hosts that are known to answer probes. Of others, which may be behind a filter that drops
 * them, and while more than half of all hosts are silent at the same time, which is more likely this manager's own fault, it
 * takes fourteen checks. Where a probe cannot even be sent, silence says nothing.
 *
 * A node that has no session yet, because its manager has just begun to lead or because it was just made, has its time to
 * come back, as long as its host answers. Where anything is known of the host, it is probed meanwhile, and lost after as many
 * checks without an answer as any other.
 *
 * Time is counted only while the manager is awake: it moves on by little more than a tick however late the tick comes.
 */

const CHECKS_PER_PERIOD = 25;
/** Milliseconds between two checks at the least, whatever the period. */
const SHORTEST_INTERVAL = 80;
const TICKS_PER_CHECK = 4;
/** Checks in a row without an answer after which a host is lost. */
const MISSES = 9;
const MISSES_IF_DOUBTFUL = 14;
/** Intervals that the last of them has to be answered. Hosts whose answers take longer have answered earlier ones by then. */
const LAST_ANSWER = 0.5;
/** So many, and a host is among those that are silent at the same time. */
const MISSES_OF_SILENT = 3;
/**
 * Hosts that answer are checked more rarely where there are many of them, so that there are never more checks a second than
 * this, down to one in such a part of the period: before two fifths an agent that hears nothing doubts its manager. Of those
 * that do not answer, no more are checked a second either.
 */
const CHECKS_PER_SECOND = 2000;
const LONGEST_SPACING = 8 / CHECKS_PER_PERIOD;
/** Intervals without a daemon, on a host that answers, after which that is said: where the session has ended, where it is silent. */
const UNKNOWN_AFTER_END = 4;
const UNKNOWN_AFTER_SILENCE = 18;
/** Heartbeat periods that a host may answer without a daemon or an engine before it counts as lost all the same. */
const PERIODS_WITHOUT = 12;
/** Heartbeat periods that a node has to come back after the manager began to lead, or after it was made. */
const GRACE_PERIODS = 6;
/** Heartbeat periods between two probes of a host that is well, only to see that it answers them. */
const PERIODS_BETWEEN_TRIALS = 12;
/** Intervals that agents have to open their sessions before the hosts without one are probed. */
const HEAD_START = 2.5;

/** What to do for a node now. Answers are given back with `answered` under the same number. */
export interface Check {
  nodeId: string;
  number: number;
  ping: boolean;
  probe: boolean;
}

/**
 * Of a probe. unsent: this manager could not ask, because of its own host (no network, no free descriptor): nothing is known.
 * No answer at all: the host is silent.
 */
export type Answer = 'ping' | 'probe' | 'unsent';

export interface Verdict {
  nodeId: string;
  /** unknown: its daemon does not answer, and the host does, or cannot be asked. */
  state: 'unknown' | 'down';
  message: string;
}

/** What has not answered, since when (awake time of the first check), and how many checks in a row. */
interface Silence {
  checks: number;
  since: number;
}

interface Life {
  session: boolean;
  /** It had one that has ended by itself. */
  ended: boolean;
  /** Awake time before which its daemon is not missed: the node has until then to come back. */
  graceUntil: number;
  /** Of its first check: answers to earlier ones are another life's. */
  firstNumber: number;
  startedAt: number;
  nextAt: number;
  host: Silence;
  daemon: Silence;
  unknown: boolean;
  /** Whether its host is known to answer probes. */
  answersProbes: boolean;
  /** It has answered one since the last trial. */
  hasAnsweredProbe: boolean;
  trialAt: number;
  /** The last probe could not be sent. */
  unasked: boolean;
  /** Awake time since when the host's engine does not answer its daemon. */
  engineAwaySince: number | undefined;
}

export class Liveness {
  readonly #lives = new Map<string, Life>();
  /** Milliseconds. */
  #period = 5000;
  #interval = 200;
  #awake = 0;
  #lastTick: number;
  #numbers = 0;
  /** Hosts that were silent at the last tick. */
  #silent = 0;
  /** Hosts that had not answered a check by the next one, at the last tick. */
  #suspect = 0;

  /** `now`: milliseconds; `period`: the heartbeat period in milliseconds. */
  constructor(now: number, period: number) {
    this.#lastTick = now;
    this.period = period;
  }

  set period(ms: number) {
    this.#period = ms;
    this.#interval = Math.max(ms / CHECKS_PER_PERIOD, SHORTEST_INTERVAL);
  }

  /** Milliseconds between two ticks. */
  get tickEvery(): number {
    return this.#interval / TICKS_PER_CHECK;
  }

  /**
   * The node should have a session but has none yet. Does nothing if the node is already watched. `probed`: its host is
   * asked for from now on; else nothing is asked before its time to come back is over. `answersProbes`: it has to be
   * reachable at the port that is probed, because others need that as well.
   */
  expect(nodeId: string, { probed, answersProbes }: { probed: boolean; answersProbes: boolean }): void {
    if (this.#lives.has(nodeId)) return;
    const graceUntil = this.#awake + GRACE_PERIODS * this.#period;
    const nextAt = probed ? this.#awake + HEAD_START * this.#interval : graceUntil;
    this.#lives.set(nodeId, this.#newLife({ session: false, graceUntil, nextAt, answersProbes }));
  }

  /** The node has a session now. */
  opened(nodeId: string): void {
    const nextAt = this.#awake + this.#interval;
    const answersProbes = this.#lives.get(nodeId)?.answersProbes ?? false;
    const life = this.#newLife({ session: true, graceUntil: this.#awake, nextAt, answersProbes });
    this.#lives.set(nodeId, life);
  }

  /** The node's session has ended by itself: whether its host lives is asked at once. */
  closed(nodeId: string): void {
    const life = this.#lives.get(nodeId);
    if (!life?.session) return;
    life.session = false;
    life.ended = true;
    life.daemon = { checks: 0, since: 0 };
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

  answered(nodeId: string, number: number, answer: Answer): void {
    const life = this.#lives.get(nodeId);
    if (!life || number < life.firstNumber) return;
    if (answer === 'ping' && !life.session) return;
    life.host.checks = 0;
    life.unasked = answer === 'unsent';
    if (answer === 'ping') life.daemon.checks = 0;
    if (answer === 'probe') life.answersProbes = life.hasAnsweredProbe = true;
    life.nextAt = life.startedAt + this.#spacing(life);
  }

  /**
   * The node's daemon has said something by itself, which is as good a sign as the answer to a check of this moment: while
   * hosts have much to report answers come late, and to ask all of them then would make more of the same.
   */
  heard(nodeId: string): void {
    const life = this.#lives.get(nodeId);
    if (!life?.session) return;
    life.host.checks = 0;
    life.daemon.checks = 0;
    life.nextAt = this.#awake + this.#spacing(life);
  }

  /** `now`: when the tick's timer went off; call it after the input that had arrived by then was given to `answered`. */
  tick(now: number): { checks: Check[]; verdicts: Verdict[] } {
    const elapsed = now - this.#lastTick;
    this.#lastTick = now;
    this.#awake += Math.max(0, Math.min(elapsed, 2 * this.tickEvery));

    const checks: Check[] = [];
    const verdicts: Verdict[] = [];
    const crowd = this.#silent > 1 && 2 * this.#silent > this.#lives.size;
    let silent = 0;
    let suspect = 0;
    for (const [nodeId, life] of this.#lives) {
      const verdict = this.#judge(life, crowd);
      if (verdict) {
        verdicts.push({ nodeId, ...verdict });
        if (verdict.state === 'down') {
          this.#lives.delete(nodeId);
          continue;
        }
        life.unknown = true;
        life.session = false;
      }
      if (life.host.checks >= MISSES_OF_SILENT) silent++;
      if (life.host.checks > 1) suspect++;
      if (this.#awake >= life.nextAt) checks.push(this.#begin(nodeId, life));
    }
    this.#silent = silent;
    this.#suspect = suspect;
    return { checks, verdicts };
  }

  #begin(nodeId: string, life: Life): Check {
    const number = ++this.#numbers;
    const isTrial = life.session && this.#awake >= life.trialAt;
    if (isTrial) {
      life.answersProbes = life.hasAnsweredProbe;
      life.hasAnsweredProbe = false;
      life.trialAt = this.#awake + PERIODS_BETWEEN_TRIALS * this.#period;
    }
    const probe = !life.session || life.daemon.checks > 0 || isTrial;
    life.startedAt = this.#awake;
    life.nextAt = this.#awake + Math.max(this.#interval, spread(this.#suspect));
    this.#miss(life.host);
    if (this.#awake >= life.graceUntil) this.#miss(life.daemon);
    return { nodeId, number, ping: life.session, probe };
  }

  /** Until it is answered a check counts as missed. */
  #miss(silence: Silence): void {
    if (silence.checks++ === 0) silence.since = this.#awake;
  }

  #judge(life: Life, crowd: boolean): Omit<Verdict, 'nodeId'> | undefined {
    const doubtful = crowd || !life.answersProbes;
    const misses = doubtful ? MISSES_IF_DOUBTFUL : MISSES;
    const lastCheck = this.#awake - life.startedAt;
    if (life.host.checks >= misses && lastCheck >= LAST_ANSWER * this.#interval)
      return { state: 'down', message: 'heartbeat failure' };

    const patience = PERIODS_WITHOUT * this.#period;
    const without = life.daemon.checks > 0 ? this.#awake - life.daemon.since : 0;
    if (without >= patience) return { state: 'down', message: `heartbeat failure: ${withoutDaemon(life)}` };
    if (life.engineAwaySince !== undefined && this.#awake - life.engineAwaySince >= patience)
      return { state: 'down', message: 'heartbeat failure: the host answers, its engine does not' };

    const answers = life.host.checks <= 1;
    const unknownAfter = this.#interval * (life.ended ? UNKNOWN_AFTER_END : UNKNOWN_AFTER_SILENCE);
    if (!life.unknown && answers && without >= unknownAfter)
      return { state: 'unknown', message: withoutDaemon(life) };
    return undefined;
  }

  /** Milliseconds from a check that was answered to the next one. */
  #spacing(life: Life): number {
    const longest = Math.max(this.#interval, LONGEST_SPACING * this.#period);
    // What a host without a daemon is checked for is not urgent: it gets no new tasks, and nobody is led to it.
    if (life.unknown) return longest;
    return Math.min(Math.max(this.#interval, spread(this.#lives.size)), longest);
  }

  #newLife(given: Pick<Life, 'session' | 'graceUntil' | 'nextAt' | 'answersProbes'>): Life {
    return {
      ...given,
      ended: false,
      firstNumber: this.#numbers + 1,
      startedAt: this.#awake,
      host: { checks: 0, since: 0 },
      daemon: { checks: 0, since: 0 },
      unknown: false,
      hasAnsweredProbe: given.answersProbes,
      trialAt: this.#awake,
      unasked: false,
      engineAwaySince: undefined,
    };
  }
}

function withoutDaemon({ unasked }: Life): string {
  return unasked
    ? 'its daemon does not answer, and this manager cannot reach the network'
    : 'the host answers, its daemon does not';
}

/** Milliseconds that it takes to check so many hosts. */
function spread(hosts: number): number {
  return (hosts / CHECKS_PER_SECOND) * 1000;
}
