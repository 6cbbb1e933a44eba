/** Which hosts and services there are: kept host by host, found by service, with the index of each one's last change. */
import type { HostEntry, Instance } from './instances.ts';
import { Topics } from './topics.ts';

/** What blocking queries wait for. */
export const TOPIC = {
  services: 'services',
  nodes: 'nodes',
  checks: 'checks',
  service: (name: string): string => `service ${name}`,
  node: (id: string): string => `node ${id}`,
} as const;

/** An instance with the indexes of when it came and when it changed. */
export interface Registered extends Instance {
  readonly host: RegisteredHost;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface RegisteredHost extends HostEntry {
  readonly createIndex: number;
  readonly modifyIndex: number;
}

interface Place {
  host: RegisteredHost;
  /** By id. */
  instances: ReadonlyMap<string, Registered>;
}

export interface HostContents {
  host: HostEntry;
  instances: readonly Instance[];
}

export class Catalog {
  readonly topics: Topics;
  readonly #places = new Map<string, Place>();
  /** By service, then by host. */
  readonly #services = new Map<string, Map<string, Registered[]>>();
  #tags: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(now: () => number) {
    this.topics = new Topics(now);
  }

  /** What is so on these hosts now; undefined: the host is gone. */
  update(changes: ReadonlyMap<string, HostContents | undefined>): void {
    const touched = new Set<string>();
    const renewed: Array<() => void> = [];
    let index = 0;
    for (const [id, contents] of changes) {
      const before = this.#places.get(id);
      const services = changedServices(before, contents);
      const isOther = !sameHost(before?.host, contents?.host);
      if (services.size === 0 && !isOther) continue;
      if (isOther) touched.add(TOPIC.nodes);
      touched.add(TOPIC.node(id)).add(TOPIC.checks);
      for (const name of services) touched.add(TOPIC.service(name));
      renewed.push(() => this.#put(id, contents, before, index));
    }
    if (renewed.length === 0) return;
    const tags = this.tags();
    index = this.topics.change(touched);
    for (const renew of renewed) renew();
    this.#tags = undefined;
    if (!sameTags(tags, this.tags())) this.topics.change([TOPIC.services]);
  }

  get counts(): { services: number; instances: number } {
    let instances = 0;
    for (const place of this.#places.values()) instances += place.instances.size;
    return { services: this.#services.size, instances };
  }

  /** The tags of each service, all that any of its instances has. In order of names. */
  tags(): ReadonlyMap<string, readonly string[]> {
    if (this.#tags) return this.#tags;
    const names = [...this.#services.keys()].sort();
    this.#tags = new Map(
      names.map((name) => {
        const tags = new Set<string>();
        for (const list of this.#services.get(name)!.values())
          for (const instance of list) for (const tag of instance.tags) tags.add(tag);
        return [name, [...tags].sort()];
      }),
    );
    return this.#tags;
  }

  /** All instances of a service, those of one host together; in an order that only depends on what there is. */
  service(name: string): Registered[] {
    const all = [...(this.#services.get(name)?.values() ?? [])].flat();
    return all.sort((a, b) => compare(a.hostId, b.hostId) || compare(a.id, b.id));
  }

  /** The same by a name in lower case; undefined if there is no such service. */
  serviceFolded(folded: string): Registered[] | undefined {
    if (this.#services.has(folded)) return this.service(folded);
    const name = [...this.#services.keys()].find((each) => each.toLowerCase() === folded);
    return name === undefined ? undefined : this.service(name);
  }

  hosts(): RegisteredHost[] {
    const hosts = [...this.#places.values()].map(({ host }) => host);
    return hosts.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** By name, without regard to case, or by id. */
  host(name: string): RegisteredHost | undefined {
    const byId = this.#places.get(name);
    if (byId) return byId.host;
    const folded = name.toLowerCase();
    for (const { host } of this.#places.values()) if (host.name.toLowerCase() === folded) return host;
    return undefined;
  }

  onHost(id: string): Registered[] {
    return [...(this.#places.get(id)?.instances.values() ?? [])];
  }

  #put(id: string, contents: HostContents | undefined, before: Place | undefined, index: number): void {
    for (const { service } of before?.instances.values() ?? []) {
      const hosts = this.#services.get(service);
      hosts?.delete(id);
      if (hosts?.size === 0) this.#services.delete(service);
    }
    if (!contents) {
      this.#places.delete(id);
      return;
    }
    const isSame = sameHost(before?.host, contents.host);
    const createIndex = before?.host.createIndex ?? index;
    const host = isSame ? before!.host : { ...contents.host, createIndex, modifyIndex: index };
    const instances = new Map<string, Registered>();
    for (const instance of contents.instances) {
      const known = before?.instances.get(instance.id);
      const registered =
        known && isSame && sameInstance(known, instance)
          ? known
          : { ...instance, host, createIndex: known?.createIndex ?? index, modifyIndex: index };
      instances.set(instance.id, registered);
      const hosts = this.#services.get(instance.service) ?? new Map<string, Registered[]>();
      this.#services.set(instance.service, hosts);
      hosts.set(id, [...(hosts.get(id) ?? []), registered]);
    }
    this.#places.set(id, { host, instances });
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Those of which an instance on this host has come, gone or changed, or whose host has. */
function changedServices(before: Place | undefined, after: HostContents | undefined): Set<string> {
  const names = new Set<string>();
  const isOther = !sameHost(before?.host, after?.host);
  const found = new Set<string>();
  for (const instance of after?.instances ?? []) {
    found.add(instance.id);
    const known = before?.instances.get(instance.id);
    if (!isOther && known && sameInstance(known, instance)) continue;
    names.add(instance.service);
    if (known) names.add(known.service);
  }
  for (const { id, service } of before?.instances.values() ?? []) if (!found.has(id)) names.add(service);
  return names;
}

function sameHost(a: HostEntry | undefined, b: HostEntry | undefined): boolean {
  if (!a || !b) return a === b;
  const isSame = a.name === b.name && a.address === b.address && a.status === b.status;
  return isSame && a.output === b.output && sameRecord(a.labels, b.labels);
}

function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a.service === b.service &&
    a.containerId === b.containerId &&
    a.address === b.address &&
    a.port === b.port &&
    a.status === b.status &&
    a.output === b.output &&
    sameList(a.tags, b.tags) &&
    sameRecord(a.meta, b.meta)
  );
}

function sameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);

function sameTags(
  a: ReadonlyMap<string, readonly string[]>,
  b: ReadonlyMap<string, readonly string[]>,
): boolean {
  return a.size === b.size && [...a].every(([name, tags]) => sameList(tags, b.get(name) ?? ['\0']));
}
