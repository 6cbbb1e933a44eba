/** Looks every ten seconds at what the containers of this host use, and keeps it for a day. */
import type { EngineClient } from '../../engine/client.ts';
import { type Clock, pause } from '../../model/clock.ts';
import { type Point, summed } from './ring.ts';
import { Series, STEP, type Usage } from './series.ts';
import { type Counters, countersOf, hostUsage, usageAt } from './usage.ts';

/** What is over is forgotten after so long, ms. */
const KEPT = 60 * 60_000;
const TASK = 'com.docker.swarm.task.id';
const SERVICE = 'com.docker.swarm.service.id';

export interface SamplerOptions {
  engine: EngineClient;
  clock: Clock;
  log(message: string): void;
}

/** Whose use is asked for; nothing: the host's. */
export interface Of {
  container?: string;
  task?: string;
  service?: string;
}

interface Followed {
  readonly series: Series;
  readonly task: string | undefined;
  readonly service: string | undefined;
  /** Undefined while it does not run. */
  counters: Counters | undefined;
}

interface Listed {
  Id: string;
  Labels: Record<string, string> | null;
}

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #host = new Series();
  readonly #containers = new Map<string, Followed>();
  #isSilent = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Until aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look(signal);
        this.#isSilent = false;
      } catch (error) {
        if (!signal.aborted && !this.#isSilent) log(`what containers use is not known: ${String(error)}`);
        this.#isSilent = true;
      }
      // On the same grid on all hosts: then what they say can be added up.
      const now = clock.now();
      await pause(clock, STEP - (now % STEP), signal);
    }
  }

  /** One look at all that runs. */
  async look(signal?: AbortSignal): Promise<void> {
    const { engine, clock } = this.#options;
    const at = clock.now();
    const [rows, host] = await Promise.all([
      engine.json<Listed[]>('GET', '/containers/json', { signal }),
      hostUsage(),
    ]);
    this.#host.note(at, host);
    const running = new Set(rows.map(({ Id }) => Id));
    for (const [id, followed] of this.#containers) {
      if (!running.has(id)) followed.counters = undefined;
      if (!running.has(id) && at - followed.series.newest > KEPT) this.#containers.delete(id);
    }
    // One after the other: it may take its time, and leaves it to others.
    for (const row of rows) await this.#lookAt(row, at);
  }

  /** The points since that time (ms since the epoch), those of several containers added up. */
  since(of: Of, from: number, by: 'close' | 'minute'): Point[] {
    const { container, task, service } = of;
    if (!container && !task && !service) return this.#host.since(from, by);
    const found = [...this.#containers].filter(
      ([id, each]) =>
        (!container || id.startsWith(container)) &&
        (!task || each.task === task) &&
        (!service || each.service === service),
    );
    return summed(found.map(([, { series }]) => series.since(from, by)));
  }

  async #lookAt({ Id, Labels }: Listed, at: number): Promise<void> {
    let followed = this.#containers.get(Id);
    if (!followed) {
      followed = {
        series: new Series(),
        task: Labels?.[TASK],
        service: Labels?.[SERVICE],
        counters: undefined,
      };
      this.#containers.set(Id, followed);
    }
    let usage: Usage | undefined;
    if (followed.counters) usage = await usageAt(followed.counters).catch(() => undefined);
    if (!usage) {
      // It is new, or was started anew: its first process is another one.
      followed.counters = await this.#find(Id);
      if (followed.counters) usage = await usageAt(followed.counters).catch(() => undefined);
    }
    if (usage) followed.series.note(at, usage);
  }

  async #find(id: string): Promise<Counters | undefined> {
    try {
      const path = `/containers/${id}/json`;
      const { State } = await this.#options.engine.json<{ State: { Pid: number } }>('GET', path);
      return State.Pid > 0 ? await countersOf(State.Pid) : undefined;
    } catch {
      // It has ended meanwhile.
      return undefined;
    }
  }
}
