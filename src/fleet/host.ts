/** One host of a fleet: reached, followed, missed, found again. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineClient, EngineEvent } from '../engine/client.ts';
import { jsonLines } from '../engine/lines.ts';
import { type Clock, pause } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import { Contents } from './contents.ts';
import type { FleetEvent, FleetTiming, Host, HostFacts, HostStatus, Logger, Member } from './contract.ts';
import { askFacts } from './engine-lists.ts';
import { Health, type Outcome } from './health.ts';
import type { ContainerRecord, ImageRecord, NetworkRecord, VolumeRecord } from './records.ts';

/** How often (ms) a host is looked at, and how long an answer to that may take: three looks in a row take less than 10 s. */
const LOOK_EVERY = 2_500;
const LOOK_TIME = 2_000;
/** How long (ms) a host that was never reached is left alone at most. */
const LONGEST_WAIT = 10_000;
/** How long (ms) an engine may take to say what it is. */
const MEET_TIME = 30_000;
/** How long (ms) until events are asked for again after their stream has ended. */
const EVENTS_WAIT = 500;

export interface HostOptions {
  member: Member;
  timing: FleetTiming;
  clock: Clock;
  random: () => number;
  keeps: (labels: Readonly<Record<string, string>>) => boolean;
  variables?: string;
  containersAlone?: boolean;
  changed?: (key: string) => void;
  tell: (event: FleetEvent) => void;
  log: Logger;
}

export class FollowedHost implements Host {
  readonly key: string;
  readonly address: string;
  readonly engine: EngineClient;
  status: HostStatus = 'Pending';
  facts: HostFacts | undefined;
  problem = '';
  ip: string;
  updatedAt: number;
  answeredAt = 0;
  readonly #options: HostOptions;
  readonly #contents: Contents;
  #health: Health;
  #tries = 0;
  /** Requests of others that have failed since it last answered. */
  #doubts = 0;
  #givenUp = false;
  #look: () => void = () => undefined;

  constructor(options: HostOptions) {
    const { member, clock, timing } = options;
    this.key = member.key;
    this.address = member.address;
    this.engine = member.engine;
    this.ip = member.host;
    this.updatedAt = clock.now();
    this.#options = options;
    this.#contents = new Contents({
      ...options,
      engine: member.engine,
      looked: (isOfContainers) => {
        options.tell({ type: 'contents', host: this });
        if (isOfContainers) options.changed?.(member.key);
      },
    });
    this.#health = new Health(timing.failureRetry);
  }

  get failures(): number {
    if (this.status === 'Pending') return this.#tries;
    // What counts for losing it are looks alone; whoever chooses a host wants to know at once.
    return Math.max(this.#health.failures, Math.min(this.#doubts, this.#options.timing.failureRetry - 1));
  }
  get containers(): ReadonlyMap<string, ContainerRecord> {
    return this.#contents.containers;
  }
  get images(): readonly ImageRecord[] {
    return this.#contents.images;
  }
  get networks(): readonly NetworkRecord[] {
    return this.#contents.networks;
  }
  get volumes(): readonly VolumeRecord[] {
    return this.#contents.volumes;
  }

  refreshContainer(id: string): Promise<boolean> {
    return this.#contents.refresh(id);
  }
  async refreshImages(): Promise<void> {
    await this.#contents.refresh('images');
  }
  async refreshNetworks(): Promise<void> {
    await this.#contents.refresh('networks');
  }
  async refreshVolumes(): Promise<void> {
    await this.#contents.refresh('volumes');
  }
  async refresh(): Promise<void> {
    await this.#contents.refreshAll();
  }

  close(): void {
    this.#options.member.close();
  }

  forget(id: string): void {
    this.#contents.containers.delete(id);
  }

  /** A request to it has failed: it is looked at at once. */
  doubt(): void {
    this.#doubts++;
    this.#look();
  }

  /** Others that look after it have found it gone: one look that finds nobody is enough. */
  lose(): void {
    this.#givenUp = true;
    this.#look();
  }

  /** Follows the host until the signal says that it is no member any more. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const met = new AbortController();
      const ended = AbortSignal.any([signal, met.signal]);
      try {
        await this.#meet(ended);
        await this.#follow(signal, met);
      } catch (error) {
        if (!signal.aborted) await this.#missed(error, signal);
      } finally {
        met.abort();
      }
    }
    this.status = 'Disconnected';
  }

  /** Learns all about the host; from then on it is Healthy. Events are heard from before the lists are read. */
  async #meet(signal: AbortSignal): Promise<void> {
    const { member, tell, log, clock } = this.#options;
    const asked = askFacts(member.engine, member.address, member.labels?.(), signal);
    const facts = await Promise.race([asked, tooLate(member.engine.name, signal)]);
    const before = this.facts;
    if (before && before.engineId !== facts.engineId) {
      const change = `Engine (ID: ${before.engineId}, Addr: ${member.address}) shows up with another ID:${facts.engineId}.`;
      throw new Error(`${change} Please remove it from cluster, it can be added back.`);
    }
    this.ip = isIP(member.host) ? member.host : (await lookup(member.host)).address;
    const listening = Promise.withResolvers<void>();
    void this.#listen(signal, listening.resolve);
    await Promise.race([listening.promise, delay(LOOK_TIME, undefined, { signal })]);
    await this.#contents.load();
    signal.throwIfAborted();
    this.facts = facts;
    this.problem = '';
    this.updatedAt = clock.now();
    this.#answered();
    const returned = this.status === 'Unhealthy';
    this.status = 'Healthy';
    if (returned) {
      log.info({}, `Engine came back to life after ${this.#tries + 1} retries. Hooray!`);
      tell({ type: 'reconnect', host: this });
    } else {
      log.info({}, `Registered Engine ${facts.name} at ${member.address}`);
      tell({ type: 'connect', host: this });
    }
    this.#tries = 0;
    this.#health = new Health(this.#options.timing.failureRetry);
  }

  /** Resolves when the host is lost, or no member any more. */
  async #follow(signal: AbortSignal, met: AbortController): Promise<void> {
    const { timing, log, tell, clock } = this.#options;
    const ended = AbortSignal.any([signal, met.signal]);
    void this.#repair(ended);
    let due = clock.now();
    while (!signal.aborted) {
      const isDue = clock.now() >= due;
      if (isDue) due += this.#period();
      const outcome = await this.#lookAt(signal);
      if (signal.aborted) return;
      // However often it is looked at because something failed: it is given the time that it is given.
      if (isDue || outcome === 'well') this.#health.note(outcome);
      if (outcome === 'well') {
        this.problem = '';
        this.#answered();
      }
      if (this.#health.isLost || this.#givenUp) {
        met.abort();
        log.warn({}, `Flagging engine as unhealthy. Connect failed ${timing.failureRetry} times`);
        this.status = 'Unhealthy';
        tell({ type: 'disconnect', host: this });
        return;
      }
      await this.#pause(due - clock.now(), signal);
    }
  }

  #answered(): void {
    this.answeredAt = this.#options.clock.now();
    this.#doubts = 0;
    this.#givenUp = false;
  }

  async #missed(error: unknown, signal: AbortSignal): Promise<void> {
    this.#tries++;
    this.problem = messageOf(error);
    this.updatedAt = this.#options.clock.now();
    this.#options.log.debug({}, `${this.address}: ${this.problem}`);
    const wait = this.status === 'Unhealthy' ? this.#period() : this.#tries * this.#period();
    await this.#pause(Math.min(wait, LONGEST_WAIT), signal);
  }

  #period(): number {
    return Math.min(LOOK_EVERY, this.#options.timing.refreshMin);
  }

  async #lookAt(signal: AbortSignal): Promise<Outcome> {
    const { engine } = this;
    // Who wants to know sooner has less patience with an answer as well.
    const patience = Math.min(LOOK_TIME, Math.max(this.#options.timing.refreshMin, LOOK_TIME / 2));
    const time = AbortSignal.timeout(patience);
    try {
      await engine.ping(AbortSignal.any([signal, time]));
      return 'well';
    } catch (error) {
      if (signal.aborted) return 'well';
      this.problem = engine.unavailable(error).message;
      if (!time.aborted) return 'gone';
    }
    // An engine that has much to do, or a manager: then a connection comes about all the same.
    const busy = engine.connect().then(
      (connection) => {
        connection.destroy();
        return true;
      },
      () => false,
    );
    const none = delay(LOOK_TIME / 4, false, { ref: false });
    return (await Promise.race([busy, none])) ? 'busy' : 'silent';
  }

  /** Hears the engine's events, as long as the signal lets it; after a gap everything is looked at. */
  async #listen(signal: AbortSignal, opened: () => void): Promise<void> {
    for (let first = true; !signal.aborted; first = false) {
      try {
        const events = await this.engine.stream('GET', '/events', { signal });
        // The engine answers as soon as it listens.
        opened();
        if (!first) void this.refresh();
        for await (const event of jsonLines<EngineEvent>(events)) this.#heard(event);
      } catch {
        // It is found out by looks whether the host is gone.
      }
      if (signal.aborted) return;
      this.#look();
      await delay(EVENTS_WAIT, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #heard(event: EngineEvent): void {
    this.#contents.heard(event);
    this.#options.tell({ type: 'engine', host: this, event });
  }

  /** Reads the lists again from time to time: no event has to be relied on. */
  async #repair(signal: AbortSignal): Promise<void> {
    const { timing, random, member, clock } = this.#options;
    while (!signal.aborted) {
      const wait = timing.refreshMin + random() * (timing.refreshMax - timing.refreshMin);
      await delay(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.refresh();
      const facts = await askFacts(member.engine, member.address, member.labels?.(), signal).catch(
        () => undefined,
      );
      if (!facts || signal.aborted || facts.engineId !== this.facts?.engineId) continue;
      this.facts = facts;
      this.updatedAt = clock.now();
    }
  }

  /** Ends early when the host is to be looked at. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#look = () => early.abort();
    await pause(this.#options.clock, Math.max(ms, 0), AbortSignal.any([signal, early.signal]));
  }
}

async function tooLate(name: string, signal: AbortSignal): Promise<never> {
  await delay(MEET_TIME, undefined, { signal, ref: false });
  throw new Error(`${name} does not answer within ${MEET_TIME / 1000} s`);
}
