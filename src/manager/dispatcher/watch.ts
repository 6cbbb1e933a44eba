/**
 * Watches over the hosts: carries out the checks of liveness.ts at its pace, and writes its verdicts until they are
 * written or overtaken.
 */
import type { Clock } from '../../model/clock.ts';
import type { Node } from '../../model/objects.ts';
import { type Check, Liveness, type Verdict } from './liveness.ts';
import type { ProbeOutcome } from './probe.ts';

/** Milliseconds after which a verdict that could not be written is written again. */
const RETRY = 1000;

export interface WatchLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HostWatchOptions {
  clock: Clock;
  /** The heartbeat period (ms). */
  period: number;
  log: WatchLog;
  /** Resolves when the node's session answers, rejects when it ends; undefined: it has none. */
  ping(nodeId: string): Promise<void> | undefined;
  /** Asks the node's host; undefined: nobody knows where that is. May take long to say that it is silent. */
  probe(nodeId: string): Promise<ProbeOutcome> | undefined;
  /** Calls `fn` once the input that has arrived by now has been processed. */
  afterInput(fn: () => void): void;
  /** This manager is about to be switched off: nothing is judged any more. */
  isLeaving(): boolean;
  /** Ends the node's session, if it has one. */
  cutOff(nodeId: string, reason: string): void;
  write(nodeId: string, status: Pick<Verdict, 'state' | 'message'>): Promise<void>;
}

export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #liveness: Liveness;
  /** What was found out about nodes and is not written yet. */
  readonly #verdicts = new Map<string, Verdict>();
  #cancelTick: () => void;
  #closed = false;

  constructor(options: HostWatchOptions) {
    const { clock, period } = options;
    this.#options = options;
    this.#liveness = new Liveness(clock.now(), period);
    this.#cancelTick = clock.timer(this.#liveness.tickEvery, () => this.#tick());
  }

  /** Milliseconds. */
  set period(ms: number) {
    this.#liveness.period = ms;
  }

  /**
   * A node that is down stays so until it comes back: only others are waited for. `probed`: its host is known to have been
   * up, and is probed meanwhile.
   */
  expect(node: Node, probed: boolean): void {
    if (node.Status.State === 'down') return;
    // Every manager has to be reachable at its cluster port for the others, a worker for nobody.
    this.#liveness.expect(node.ID, { probed, answersProbes: node.ManagerStatus !== undefined });
  }

  opened(nodeId: string): void {
    this.#liveness.opened(nodeId);
    this.#verdicts.delete(nodeId);
  }

  /** The node's session has brought something that its daemon says by itself. */
  heard(nodeId: string): void {
    this.#liveness.heard(nodeId);
  }

  closed(nodeId: string): void {
    this.#liveness.closed(nodeId);
  }

  /** Whether the node's engine answers its daemon, which has a session. */
  engine(nodeId: string, answers: boolean): void {
    this.#liveness.engine(nodeId, answers);
  }

  forget(nodeId: string): void {
    this.#liveness.forget(nodeId);
    this.#verdicts.delete(nodeId);
  }

  /** What is so from now on, unless the node comes back. */
  judge(verdict: Verdict): void {
    const { nodeId, state, message } = verdict;
    if (this.#options.isLeaving()) return;
    if (state === 'down') this.#liveness.forget(nodeId);
    this.#options.log.info({ node: nodeId, state }, message);
    this.#verdicts.set(nodeId, verdict);
    this.#record(verdict);
    // Last: the end of the session of a host that is shutting down is a verdict of its own, which overtakes this one.
    this.#options.cutOff(nodeId, message);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTick();
  }

  #tick(): void {
    const { clock, afterInput } = this.#options;
    const now = clock.now();
    this.#cancelTick = clock.timer(this.#liveness.tickEvery, () => this.#tick());
    afterInput(() => {
      if (this.#closed) return;
      const { checks, verdicts } = this.#liveness.tick(now);
      for (const verdict of verdicts) this.judge(verdict);
      for (const check of checks) this.#check(check);
    });
  }

  #check({ nodeId, number, ping, probe }: Check): void {
    const { log } = this.#options;
    if (ping) {
      // A rejection says that the session has ended, which `closed` is told as well.
      const answered = () => this.#liveness.answered(nodeId, number, 'ping');
      this.#options.ping(nodeId)?.then(answered, () => {});
    }
    if (!probe) return;
    this.#options.probe(nodeId)?.then(
      (outcome) => {
        if (outcome === 'silent') return;
        this.#liveness.answered(nodeId, number, outcome === 'answered' ? 'probe' : 'unsent');
      },
      (error: unknown) => log.error({ node: nodeId, error }, 'cannot probe the host'),
    );
  }

  /** Writes a verdict, again and again unless it has been overtaken. */
  #record(verdict: Verdict): void {
    const { log, clock } = this.#options;
    const { nodeId, state, message } = verdict;
    if (this.#closed || this.#verdicts.get(nodeId) !== verdict) return;
    this.#options.write(nodeId, { state, message }).then(
      () => {
        if (this.#verdicts.get(nodeId) === verdict) this.#verdicts.delete(nodeId);
      },
      (error: unknown) => {
        if (this.#closed) return;
        log.error({ node: nodeId, state, error }, "cannot write the node's state; trying again");
        clock.timer(RETRY, () => this.#record(verdict));
      },
    );
  }
}
