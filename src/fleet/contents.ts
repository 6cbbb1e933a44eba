/** What is on one host: read whole when it is first met, then followed by its events and repaired by its lists. */
import type { EngineClient, EngineEvent } from '../engine/client.ts';
import type { Clock } from '../model/clock.ts';
import { inspectContainer, listContainers, listImages, listNetworks, listVolumes } from './engine-lists.ts';
import {
  type ContainerRecord,
  containerRecord,
  type ImageRecord,
  type ListedContainer,
  type NetworkRecord,
  relisted,
  type VolumeRecord,
} from './records.ts';
import { Rounds } from './rounds.ts';
import { statusText } from './status-text.ts';

/** Containers that are inspected at once. */
const AT_ONCE = 8;

/** Other than ids of containers. */
const LISTS = ['containers', 'images', 'networks', 'volumes'] as const;
type List = (typeof LISTS)[number];

/** Events of containers that change nothing that is shown. */
const SILENT =
  /^(attach|detach|resize|top|copy|export|archive-path|extract-to-dir|commit|exec_create|exec_start|exec_die|exec_detach)\b/;

export interface ContentsOptions {
  engine: EngineClient;
  clock: Clock;
  /** Whether all that inspecting says is kept of a container with these labels. */
  keeps(labels: Readonly<Record<string, string>>): boolean;
  /** How the variables begin that are kept of each container's environment. */
  variables?: string;
  /** Nothing else than containers is looked at. */
  containersAlone?: boolean;
  /** Called whenever something was looked at again. `isOfContainers`: containers were. */
  looked?(isOfContainers: boolean): void;
}

export class Contents {
  readonly containers = new Map<string, ContainerRecord>();
  images: readonly ImageRecord[] = [];
  networks: readonly NetworkRecord[] = [];
  volumes: readonly VolumeRecord[] = [];
  readonly #options: ContentsOptions;
  readonly #rounds: Rounds<string>;
  readonly #lists: readonly List[];

  constructor(options: ContentsOptions) {
    this.#options = options;
    this.#lists = options.containersAlone ? ['containers'] : LISTS;
    this.#rounds = new Rounds((asked) => this.#round(asked));
  }

  /** Reads everything. Throws what the engine says against it. */
  async load(): Promise<void> {
    await Promise.all([this.#loadContainers(), ...this.#lists.slice(1).map((list) => this.#load(list))]);
  }

  /** Looks at one list, or at the container with that id, again; resolves with whether the engine has answered. */
  refresh(...what: Array<List | (string & {})>): Promise<boolean> {
    return this.#rounds.ask(...what);
  }

  refreshAll(): Promise<boolean> {
    return this.#rounds.ask(...this.#lists);
  }

  /** Looks again at what the event has changed. */
  heard({ Type, Action, Actor }: EngineEvent): void {
    if (Type === 'container') {
      if (!SILENT.test(Action)) void this.refresh(Actor.ID);
    } else if (Type === 'image') void this.refresh('images');
    else if (Type === 'volume') {
      if (Action === 'create' || Action === 'destroy') void this.refresh('volumes');
    } else if (Type === 'network') {
      const container = Actor.Attributes?.container;
      void this.refresh('networks', ...(container ? [container] : []));
    }
  }

  async #round(asked: ReadonlySet<string>): Promise<void> {
    const lists = this.#lists.filter((list) => asked.has(list));
    const ids = [...asked].filter((each) => !LISTS.includes(each as List));
    const containers = lists.includes('containers') ? this.#loadContainers() : this.#lookAt(ids);
    const rest = lists.filter((list) => list !== 'containers').map((list) => this.#load(list));
    const outcomes = await Promise.allSettled([containers, ...rest]);
    this.#options.looked?.(lists.includes('containers') || ids.length > 0);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #load(list: List): Promise<void> {
    const { engine } = this.#options;
    if (list === 'images') this.images = await listImages(engine);
    else if (list === 'networks') this.networks = await listNetworks(engine);
    else if (list === 'volumes') this.volumes = await listVolumes(engine);
  }

  async #loadContainers(): Promise<void> {
    const before = [...this.containers.keys()];
    const rows = await listContainers(this.#options.engine);
    const ids = new Set(rows.map(({ Id }) => Id));
    // What has come since it was asked for may not be in the list yet.
    for (const id of before) if (!ids.has(id)) this.containers.delete(id);
    const now = this.#options.clock.now();
    const changed = rows.filter((row) => {
      const record = this.containers.get(row.Id);
      if (!record || !isSame(record, row, now)) return true;
      this.containers.set(row.Id, relisted(record, row));
      return false;
    });
    await this.#inspect(changed);
  }

  async #lookAt(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const rows = await listContainers(this.#options.engine, ids);
    const found = new Set(rows.map(({ Id }) => Id));
    for (const id of ids) if (!found.has(id)) this.containers.delete(id);
    await this.#inspect(rows);
  }

  async #inspect(rows: readonly ListedContainer[]): Promise<void> {
    const { engine, keeps, variables } = this.#options;
    const left = [...rows];
    const next = async (): Promise<void> => {
      for (let row = left.shift(); row; row = left.shift()) {
        const inspected = await inspectContainer(engine, row.Id);
        if (!inspected) this.containers.delete(row.Id);
        else {
          const keep = keeps(inspected.Config.Labels ?? {});
          this.containers.set(row.Id, containerRecord(row, inspected, { keep, variables }));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, rows.length) }, next));
  }
}

/** Whether the engine lists the container as the record would have it now. */
function isSame(record: ContainerRecord, row: ListedContainer, now: number): boolean {
  const { Status: _, ...before } = record.listed;
  const { Status, ...after } = row;
  return Status === statusText(record.state, now) && JSON.stringify(before) === JSON.stringify(after);
}
