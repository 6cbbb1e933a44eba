/**
 * Runs the controllers: finds what is dirty, asks the planners, commits, and asks again when a planner said so or the
 * store has changed. It keeps nothing that it could not make again from the view, so it may be stopped anywhere.
 */
import type { Clock } from '../model/clock.ts';
import { type Change, ConflictError, type Store } from '../store/contract.ts';
import { Burst } from './burst.ts';
import type { ObjectPlanner, PlanContext } from './contract.ts';
import { DirtySet } from './dirty-set.ts';
import { planNetworkKey } from './networks/keys.ts';
import { planNode } from './nodes.ts';
import { planOldContent } from './old-contents.ts';
import { Placement } from './placement.ts';
import { planRegistrySession } from './registry-sessions.ts';
import { planService } from './service.ts';
import { Stretch } from './stretch.ts';

/** Changes of one transaction, about. */
const BATCH = 500;
/** Milliseconds of work at a stretch, about: what else the process has to do waits meanwhile. */
const SLICE = 15;
/** Smaller batches would spend their time on the disk. */
const SMALL_BATCH = 100;
/** How long commits that follow each other closely are gathered. */
const DEBOUNCE = 2;
const FIRST_BACKOFF = 100;
const LAST_BACKOFF = 30_000;

export interface ControlOptions {
  store: Store;
  clock: Clock;
  newId(): string;
  /** Ends everything; the promise that `startControl` returns resolves when it has. */
  signal: AbortSignal;
  /** Changes of one transaction, about; 500 if not given. */
  batch?: number | undefined;
  /** Gives the rest of the process its turn before each batch. */
  yieldTo(): Promise<void>;
  /** Told how long (ms) each pass has taken, its writing included. */
  passed?(ms: number): void;
  /** Told of errors, with the kind and id of the object that was being planned for. */
  log?(message: string, error: unknown, object?: { kind: string; id: string }): void;
}

export function startControl(options: ControlOptions): Promise<void> {
  return new Control(options).run();
}

type PlannedKind = 'service' | 'node' | 'oldContent' | 'cluster' | 'registrySession';

/** What is to be done about objects of a kind. */
interface Planned {
  kind: PlannedKind;
  ids: readonly string[];
  changes: readonly Change[];
}

class Control {
  private readonly options: ControlOptions;
  private readonly dirty = new DirtySet();
  private readonly burst = new Burst();
  /** When objects want to be looked at though nothing has changed. */
  private readonly wakeAt = new Map<string, { kind: PlannedKind; id: string; at: number }>();
  /** Objects whose planner has failed: how often, and when it may be asked again. */
  private readonly failures = new Map<string, { count: number; until: number }>();
  private readonly placement: Placement;
  /** How often placing has failed in a row, and when it may be tried again. */
  private placing = { failures: 0, until: 0 };
  private readonly largest: number;
  private batch: number;
  /** How much of a batch is done at a stretch. */
  private slice: number;
  private readonly stretch: Stretch;
  private stumbles = 0;
  private wakeUp: (() => void) | undefined;

  constructor(options: ControlOptions) {
    this.options = options;
    this.largest = options.batch ?? BATCH;
    this.batch = this.largest;
    this.slice = this.largest;
    this.stretch = new Stretch(options.clock);
    const { view } = options.store;
    this.placement = new Placement(view);
    this.dirty.everything(view);
  }

  async run(): Promise<void> {
    const { store, signal, clock, yieldTo } = this.options;
    const unwatch = store.watch(store.view.revision, (commit) => {
      this.placement.apply(commit, store.view);
      this.dirty.apply(store.view, commit);
      this.burst.apply(commit, clock.now());
      this.wakeUp?.();
    });
    const stop = () => this.wakeUp?.();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        this.collectDue(clock.now());
        if (!this.hasWork(clock.now())) {
          await this.sleepUntilWork();
          continue;
        }
        await yieldTo();
        if (signal.aborted) break;
        this.stretch.begin();
        const begun = clock.now();
        await this.pass();
        this.options.passed?.(clock.now() - begun);
        this.stretch.end();
        this.fitSlice();
      }
    } finally {
      unwatch();
      signal.removeEventListener('abort', stop);
    }
  }

  private collectDue(now: number): void {
    for (const [key, { kind, id, at }] of this.wakeAt) {
      if (at > now) continue;
      this.wakeAt.delete(key);
      this.setOf(kind).add(id);
    }
  }

  private hasWork(now: number): boolean {
    return (
      (this.placing.until <= now && this.placement.hasWork()) ||
      this.ready('node', now).next().done !== true ||
      this.ready('service', now).next().done !== true ||
      this.ready('oldContent', now).next().done !== true ||
      this.ready('cluster', now).next().done !== true ||
      this.ready('registrySession', now).next().done !== true
    );
  }

  /** The dirty objects of a kind that may be planned for now. */
  private *ready(kind: PlannedKind, now: number): IterableIterator<string> {
    for (const id of this.setOf(kind)) {
      if (kind === 'service' && this.burst.holds(id, now)) continue;
      if ((this.failures.get(`${kind} ${id}`)?.until ?? 0) <= now) yield id;
    }
  }

  private setOf(kind: PlannedKind): Set<string> {
    const { services: service, nodes: node, oldContents: oldContent, clusters: cluster } = this.dirty;
    const { registrySessions: registrySession } = this.dirty;
    return { service, node, oldContent, cluster, registrySession }[kind];
  }

  private async sleepUntilWork(): Promise<void> {
    const { clock } = this.options;
    let next = this.placement.hasWork() ? this.placing.until : Number.POSITIVE_INFINITY;
    for (const { at } of this.wakeAt.values()) next = Math.min(next, at);
    const now = clock.now();
    if (this.dirty.services.values().some((id) => this.burst.holds(id, now)))
      next = Math.min(next, this.burst.until);
    for (const [key, { until }] of this.failures) {
      const [kind, id] = key.split(' ') as [PlannedKind, string];
      if (this.setOf(kind).has(id)) next = Math.min(next, until);
    }
    const woken = await this.wait(next - now);
    if (woken === 'event' && !this.options.signal.aborted) await this.pause(DEBOUNCE);
  }

  /** Until something happens, at most `ms`. */
  private wait(ms: number): Promise<'event' | 'time'> {
    const { promise, resolve } = Promise.withResolvers<'event' | 'time'>();
    const cancel = Number.isFinite(ms)
      ? this.options.clock.timer(Math.max(ms, 1), () => resolve('time'))
      : undefined;
    this.wakeUp = () => resolve('event');
    if (this.options.signal.aborted) resolve('event');
    return promise.finally(() => {
      this.wakeUp = undefined;
      cancel?.();
    });
  }

  /** For a time, whatever happens meanwhile; an abort ends it. */
  private pause(ms: number): Promise<void> {
    const { clock, signal } = this.options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.timer(ms, resolve);
    const stop = () => resolve();
    signal.addEventListener('abort', stop);
    if (signal.aborted) resolve();
    return promise.finally(() => {
      cancel();
      signal.removeEventListener('abort', stop);
    });
  }

  /** Plans for what is dirty, about a batch of it, and commits that. */
  private async pass(): Promise<void> {
    const first = await this.commit(() => this.planFirst());
    if (first?.kind === 'service') await this.commit(() => this.plan('oldContent', planOldContent));
  }

  /** What comes first of that which is to be done. */
  private planFirst(): Planned {
    // What a node does to its tasks decides what their services do, so it is committed first.
    const nodes = this.plan('node', planNode);
    if (nodes.changes.length > 0) return nodes;
    // Hosts can make an encrypted network only with its key.
    const keys = this.plan('cluster', planNetworkKey);
    if (keys.changes.length > 0) return keys;
    const sessions = this.plan('registrySession', planRegistrySession);
    if (sessions.changes.length > 0) return sessions;
    const services = this.plan('service', planService);
    return { ...services, changes: this.place(services.changes) };
  }

  /** About how many changes a pass makes. */
  private get limit(): number {
    return Math.min(this.batch, this.slice);
  }

  /** Has the next pass take about as long as it may. */
  private fitSlice(): void {
    if (this.stretch.worked > SLICE)
      this.slice = Math.max(Math.min(SMALL_BATCH, this.largest), this.slice >> 1);
    else if (this.stretch.worked < SLICE / 2) this.slice = Math.min(this.largest, this.slice * 2);
  }

  private plan(kind: PlannedKind, planner: ObjectPlanner): Planned {
    const { store, clock, newId, log } = this.options;
    const changes: Change[] = [];
    const ids: string[] = [];
    const now = clock.now();
    const set = this.setOf(kind);
    const again: string[] = [];
    for (const id of this.ready(kind, now)) {
      const limit = this.limit - changes.length;
      if (limit <= 0) break;
      set.delete(id);
      this.wakeAt.delete(`${kind} ${id}`);
      const context: PlanContext = { now, newId, limit };
      try {
        const plan = planner(store.view, id, context);
        changes.push(...plan.changes);
        ids.push(id);
        this.failures.delete(`${kind} ${id}`);
        if (plan.wakeAt !== undefined) this.wakeAt.set(`${kind} ${id}`, { kind, id, at: plan.wakeAt });
        if (plan.more) again.push(id);
      } catch (error) {
        const count = (this.failures.get(`${kind} ${id}`)?.count ?? 0) + 1;
        const backoff = backoffAfter(count);
        this.failures.set(`${kind} ${id}`, { count, until: now + backoff });
        again.push(id);
        log?.(`planning for ${kind} ${id} failed; trying again in ${backoff} ms`, error, { kind, id });
      }
    }
    // Only now: what is added to a set while it is walked through comes up again.
    for (const id of again) set.add(id);
    return { kind, ids, changes };
  }

  /** The changes together with those that give tasks their places; without them while that fails. */
  private place(changes: readonly Change[]): readonly Change[] {
    const { store, clock, log } = this.options;
    const now = clock.now();
    if (now < this.placing.until) return changes;
    try {
      const placed = this.placement.place(store.view, changes, now, this.limit);
      this.placing = { failures: 0, until: 0 };
      return placed;
    } catch (error) {
      const failures = this.placing.failures + 1;
      const backoff = backoffAfter(failures);
      this.placing = { failures, until: now + backoff };
      this.placement.undo();
      log?.(`scheduling failed; trying again in ${backoff} ms`, error);
      return changes;
    }
  }

  /**
   * Plans and writes that, in transactions of a batch each. What is beyond the first is held to the objects that it
   * changes, not to all that it was planned on. What cannot be written is planned for again.
   */
  private async commit(plan: () => Planned): Promise<Planned | undefined> {
    const { store, log, signal } = this.options;
    const { batch } = this;
    let planned: Planned | undefined;
    try {
      const { result: changes } = await this.stretch.wait(
        store.commit(() => {
          if (planned) this.putBack(planned);
          planned = this.stretch.part(plan);
          return { changes: planned.changes.slice(0, batch), result: planned.changes };
        }),
      );
      for (let at = batch; at < changes.length && !signal.aborted; at += batch) {
        await this.stretch.wait(store.commit({ changes: changes.slice(at, at + batch) }));
      }
      this.placement.done();
      if (changes.length > 0) {
        this.batch = Math.min(this.largest, batch * 2);
        this.stumbles = 0;
      }
    } catch (error) {
      if (planned) this.putBack(planned);
      if (error instanceof ConflictError) {
        // Somebody wrote one of these objects meanwhile. The smaller a batch, the less there is to clash with.
        this.batch = Math.max(1, batch >> 1);
        return planned;
      }
      if (signal.aborted) return planned;
      this.stumbles++;
      const backoff = backoffAfter(this.stumbles);
      log?.(`writing to the store failed; trying again in ${backoff} ms`, error);
      await this.stretch.wait(this.pause(backoff));
    }
    return planned;
  }

  /** What was planned is not carried out: it is dirty again. */
  private putBack({ kind, ids }: Planned): void {
    for (const id of ids) this.setOf(kind).add(id);
    this.placement.undo();
  }
}

function backoffAfter(failures: number): number {
  return Math.min(FIRST_BACKOFF * 2 ** (failures - 1), LAST_BACKOFF);
}
