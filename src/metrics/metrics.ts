/** The figures of a daemon: counted while it runs, read off what there is when somebody asks. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ManagerFace, Membership } from '../api/contract.ts';
import type { Answered } from '../api/server.ts';
import type { Measure } from '../model/measure.ts';
import type { DataPlaneCounters } from '../network/contract.ts';
import { clusterFamilies } from './cluster.ts';
import { Counter, type Family, type Format, Histogram, type Sample, textOf } from './figures.ts';

/** How often (ms) the event loop is looked at. */
const LOOK_EVERY = 10;

export interface MetricsOptions {
  version: string;
  membership: Membership;
  /** Of this host's networks; undefined while there are none. */
  networks(): DataPlaneCounters | undefined;
  /** Of the registry, where one is served. */
  registry(): { services: number; instances: number; waiting: number } | undefined;
}

export class Metrics {
  readonly #requests = new Counter(2_000, { method: 'other', route: 'other', code: 'other' });
  readonly #own = new Histogram({ by: 'essaim' });
  readonly #engines = new Histogram({ by: 'engine' });
  readonly #passes = new Histogram();
  readonly #committed = new Histogram();
  readonly #told = new Histogram();
  readonly #applied = new Histogram();
  #commits = 0;
  #changes = 0;
  #watched: ManagerFace | undefined;
  #unwatch: () => void = () => undefined;
  /** From the first question on: until then nobody needs it. */
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** For the parts of a manager. */
  readonly measure: Measure = {
    planned: (ms) => this.#passes.observe(ms / 1000),
    committed: (ms) => this.#committed.observe(ms / 1000),
    told: (ms) => this.#told.observe(ms / 1000),
    applied: (ms) => this.#applied.observe(ms / 1000),
  };

  /** For the API: a request was answered. */
  answered({ method, route, status, ms }: Answered): void {
    this.#requests.add({ method, route: route ?? 'engine', code: String(status) });
    (route === undefined ? this.#engines : this.#own).observe(ms / 1000);
  }

  /** Counts the commits of whatever manager is there from now on. */
  follow(membership: Membership): void {
    const look = (): void => {
      const manager = membership.manager();
      if (manager === this.#watched) return;
      this.#unwatch();
      this.#unwatch = () => undefined;
      this.#watched = manager;
      if (!manager) return;
      const { store } = manager;
      this.#unwatch = store.watch(store.view.revision, ({ events }) => {
        this.#commits++;
        this.#changes += events.length;
      });
    };
    membership.watch(look);
    look();
  }

  text(options: MetricsOptions, format: Format): string {
    return textOf(this.#families(options), format);
  }

  #families({ version, membership, networks, registry }: MetricsOptions): Family[] {
    const manager = membership.manager();
    const gauge = (name: string, help: string, ...samples: Sample[]): Family => {
      return { name, help, type: 'gauge', samples };
    };
    const counter = (name: string, help: string, value: number): Family => {
      return { name, help, type: 'counter', samples: [{ suffix: '_total', value }] };
    };
    const histogram = (name: string, help: string, ...all: Histogram[]): Family => {
      return { name, help, type: 'histogram', samples: all.flatMap((each) => each.samples()) };
    };
    const status = membership.status();
    const known = networks();
    const published = registry();
    return [
      gauge('essaim_build_info', 'The version of this daemon.', { labels: { version }, value: 1 }),
      gauge('essaim_swarm_active', 'Whether this host is in a swarm.', {
        value: status.state === 'active' ? 1 : 0,
      }),
      gauge('essaim_manager', 'Whether this host is a manager.', { value: manager ? 1 : 0 }),
      gauge('essaim_leader', 'Whether it is the manager that leads.', {
        value: manager?.leader.isHere() ? 1 : 0,
      }),
      {
        ...{ name: 'essaim_api_requests', type: 'counter', samples: this.#requests.samples() },
        help: 'Requests of the API that were answered, by route; those for the engine together.',
      },
      histogram(
        'essaim_api_request_seconds',
        'How long they took; streams and what waits are left out.',
        ...[this.#own, this.#engines],
      ),
      ...(manager
        ? [
            ...clusterFamilies(manager.store.view),
            counter('essaim_store_commits', 'Commits that this manager has seen.', this.#commits),
            counter('essaim_store_changes', 'Objects that they changed.', this.#changes),
            histogram(
              'essaim_store_commit_seconds',
              'From when this manager asked for a commit until it was durable.',
              this.#committed,
            ),
            histogram('essaim_planner_pass_seconds', 'Passes of the controllers.', this.#passes),
            histogram('essaim_dispatch_seconds', 'From a commit until its host was sent it.', this.#told),
            histogram(
              'essaim_network_apply_seconds',
              'From when a host was sent a state of its networks until it had it.',
              this.#applied,
            ),
          ]
        : []),
      ...(known
        ? [
            counter(
              'essaim_network_mended',
              'Differences in this host’s kernel that were mended.',
              known.mended,
            ),
            counter(
              'essaim_network_applied',
              'States of its networks that this host took in.',
              known.applied,
            ),
          ]
        : []),
      ...(published
        ? [
            gauge('essaim_registry_services', 'Services in the registry.', { value: published.services }),
            gauge('essaim_registry_instances', 'Instances in the registry.', { value: published.instances }),
            gauge('essaim_registry_waiting', 'Blocking queries that wait.', { value: published.waiting }),
          ]
        : []),
      ...this.#process(gauge, counter),
    ];
  }

  #process(
    gauge: (name: string, help: string, ...samples: Sample[]) => Family,
    counter: (name: string, help: string, value: number) => Family,
  ): Family[] {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return [
      gauge(
        'essaim_event_loop_delay_seconds',
        'How late the event loop was since this was last asked, beyond the 10 ms between two looks.',
        ...this.#delays(),
      ),
      gauge('process_resident_memory_bytes', 'Resident memory.', { value: rss }),
      gauge('nodejs_heap_size_used_bytes', 'Used heap.', { value: heapUsed }),
      gauge('nodejs_heap_size_total_bytes', 'Heap.', { value: heapTotal }),
      gauge('nodejs_external_memory_bytes', 'Memory of the heap’s objects outside of it.', {
        value: external,
      }),
      counter('process_cpu_seconds', 'User and system time.', (user + system) / 1e6),
      gauge('process_start_time_seconds', 'When it was started.', { value: performance.timeOrigin / 1000 }),
    ];
  }

  #delays(): Sample[] {
    if (!this.#delay) {
      this.#delay = monitorEventLoopDelay({ resolution: LOOK_EVERY });
      this.#delay.enable();
    }
    const delay = this.#delay;
    const late = (ns: number): number => Math.max(0, ns / 1e9 - LOOK_EVERY / 1000);
    const samples = [50, 90, 99].map((percentile) => ({
      labels: { percentile: String(percentile) },
      value: delay.count > 0 ? late(delay.percentile(percentile)) : 0,
    }));
    const most = { labels: { percentile: '100' }, value: delay.count > 0 ? late(delay.max) : 0 };
    delay.reset();
    return [...samples, most];
  }
}
