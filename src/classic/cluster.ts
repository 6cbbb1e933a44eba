/** The cluster as placement sees it: what is on its hosts, and what is about to be. */
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiRequest } from '../api/router.ts';
import type { Host } from '../fleet/contract.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ContainerRecord, HostPort } from '../fleet/records.ts';
import { ApiError } from '../model/errors.ts';
import { hostId, hostName } from './names.ts';
import { type Candidate, type Occupant, overcommitted } from './rules/candidate.ts';
import { type Ask, cpusOf } from './rules/container-config.ts';
import { type Scheduling, schedule } from './rules/schedule.ts';

export interface ClusterOptions {
  fleet: Fleet;
  scheduling: Scheduling;
  /** Whole percent of what hosts have, on top of it. */
  overcommit: number;
  failureRetry: number;
  random: () => number;
  /** Present where the hosts are the nodes of a swarm. */
  swarm?: SwarmSide;
}

export interface LeadersAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** What a swarm says of its nodes. */
export interface SwarmSide {
  /** Whether a node takes containers. */
  accepts(host: Host): boolean;
  /** Ports that are taken on every node: those of services in the routing mesh. */
  meshPorts(): readonly HostPort[];
  /** The host that knows all networks of the cluster, and makes them; undefined while it does not answer. */
  home(): Host | undefined;
  /** Takes away what a container of a lost host has on the swarm's networks: its addresses are free then. */
  release(containerId: string): Promise<void>;
  /**
   * What the manager that leads says to such a request at that path of its API: names and places are decided by one alone.
   * Undefined: it is this one. Throws ApiError 503 if there is none.
   */
  askLeader(request: ApiRequest, path: string): Promise<LeadersAnswer | undefined>;
}

/** A place that is kept for a container until its own record stands for it. */
export interface Place {
  readonly host: Host;
  /** It was made. Resolves when it is seen there; if it cannot be seen just now, its place is kept until it can. */
  made(id: string): Promise<void>;
  /** Nothing was made. */
  release(): void;
}

/** How long (ms) until a container that is not seen yet is looked for again. */
const LOOK_AGAIN = 250;
/** How long (ms) it is remembered that a client has ended a container. */
const STOPS_MATTER = 300_000;

interface Pending {
  /** Absent until a host is chosen. */
  hostKey?: string;
  occupant: Occupant;
  /** Once the engine has made it. */
  id?: string;
}

export class Cluster {
  readonly fleet: Fleet;
  readonly scheduling: Scheduling;
  readonly overcommit: number;
  readonly swarm: SwarmSide | undefined;
  readonly #options: ClusterOptions;
  readonly #pending = new Set<Pending>();
  readonly #occupants = new WeakMap<ContainerRecord, Occupant>();
  /** When (ms) clients had containers end, by id. */
  readonly #stops = new Map<string, number>();

  constructor(options: ClusterOptions) {
    this.fleet = options.fleet;
    this.scheduling = options.scheduling;
    this.overcommit = options.overcommit;
    this.swarm = options.swarm;
    this.#options = options;
  }

  hosts(): Host[] {
    return this.fleet.hosts();
  }

  healthy(): Host[] {
    return this.hosts().filter(({ status }) => status === 'Healthy');
  }

  /** Hosts that were reached at some time. */
  registered(): Host[] {
    return this.hosts().filter(({ facts }) => facts !== undefined);
  }

  /** A client has a container end. */
  noteStop(id: string, now: number): void {
    for (const [each, at] of this.#stops) if (at < now - STOPS_MATTER) this.#stops.delete(each);
    this.#stops.set(id, now);
  }

  /** Whether a client had it end lately. */
  wasStopped(id: string): boolean {
    return this.#stops.has(id);
  }

  /** Keeps a name in the whole cluster for a container that is being created. @throws ApiError 409 */
  claimName(name: string, except?: string): () => void {
    if (name === '') return () => undefined;
    const taken =
      [...this.#pending].some(({ occupant }) => occupant.name === name) ||
      this.hosts().some((host) =>
        [...host.containers.values()].some((container) => container.name === name && container.id !== except),
      );
    if (taken) {
      throw new ApiError(
        409,
        `Conflict: The name ${name} is already assigned. You have to delete (or rename) that container to be able to assign ${name} to a container again.`,
      );
    }
    const claim: Pending = { occupant: { ...NOBODY, name } };
    this.#pending.add(claim);
    return () => this.#pending.delete(claim);
  }

  /** The host for a container, on which its place is kept from this moment on. @throws ApiError with the refusal */
  place(ask: Ask): Place {
    const chosen = schedule(this.scheduling, ask, this.candidates(), this.#options.random);
    const pending: Pending = {
      hostKey: chosen.key,
      occupant: {
        id: '',
        name: ask.name,
        labels: ask.labels,
        ports: ask.ports,
        networkMode: ask.networkMode,
        exposed: ask.exposed,
        memory: ask.memory,
        cpus: ask.cpus,
      },
    };
    this.#pending.add(pending);
    const host = this.fleet.host(chosen.key)!;
    return {
      host,
      made: (id) => this.#made(pending, host, id),
      release: () => void this.#pending.delete(pending),
    };
  }

  async #made(pending: Pending, host: Host, id: string): Promise<void> {
    pending.id = id;
    pending.occupant = { ...pending.occupant, id };
    if (await host.refreshContainer(id)) this.#pending.delete(pending);
    else void this.#keep(pending, host, id);
  }

  /** Whoever does not see a container would give its place to the next one. */
  async #keep(pending: Pending, host: Host, id: string): Promise<void> {
    const isSeen = async (): Promise<boolean> =>
      host.containers.has(id) || (host.status === 'Healthy' && (await host.refreshContainer(id)));
    while (this.fleet.host(host.key) === host && !(await isSeen()))
      await delay(LOOK_AGAIN, undefined, { ref: false });
    this.#pending.delete(pending);
  }

  /** The host that would get such a container, without keeping its place. @throws ApiError */
  best(ask: Ask): Host {
    return this.fleet.host(schedule(this.scheduling, ask, this.candidates(), this.#options.random).key)!;
  }

  candidates(): Candidate[] {
    const ports = this.swarm?.meshPorts() ?? [];
    return this.registered().map((host) => this.#candidate(host, ports));
  }

  #candidate(host: Host, ports: readonly HostPort[]): Candidate {
    const facts = host.facts!;
    const records = [...host.containers.values()];
    const coming = [...this.#pending].filter(
      ({ hostKey, id }) => hostKey === host.key && (id === undefined || !host.containers.has(id)),
    );
    return {
      key: host.key,
      id: hostId(host),
      engineId: facts.engineId,
      name: hostName(host),
      labels: facts.labels,
      healthy: host.status === 'Healthy' && (this.swarm?.accepts(host) ?? true),
      health:
        host.status === 'Healthy'
          ? 100 - Math.trunc((host.failures * 100) / Math.max(this.#options.failureRetry, 1))
          : 0,
      occupants: [
        ...records.map((record) => this.#occupant(record, facts.cpus)),
        ...coming.map((each) => each.occupant),
      ],
      ports,
      images: host.images.map(({ Id, RepoTags, RepoDigests }) => ({
        id: Id,
        names: [...(RepoTags ?? []), ...(RepoDigests ?? [])],
      })),
      volumes: volumesOf(host, records),
      memory: overcommitted(facts.memory, this.overcommit),
      cpus: overcommitted(facts.cpus, this.overcommit),
    };
  }

  #occupant(record: ContainerRecord, cpus: number): Occupant {
    const known = this.#occupants.get(record);
    if (known) return known;
    const { id, name, labels, ports, networkMode, exposed, memory } = record;
    const occupant = {
      id,
      name,
      labels,
      ports,
      networkMode,
      exposed,
      memory,
      cpus: cpusOf(record.cpuShares, cpus),
    };
    this.#occupants.set(record, occupant);
    return occupant;
  }
}

const NOBODY: Occupant = {
  id: '',
  name: '',
  labels: {},
  ports: [],
  networkMode: '',
  exposed: [],
  memory: 0,
  cpus: 0,
};

function volumesOf(host: Host, records: readonly ContainerRecord[]): Map<string, { used: boolean }> {
  const mounted = records.flatMap(({ listed }) => listed.Mounts ?? []).flatMap(({ Name }) => Name ?? []);
  return new Map<string, { used: boolean }>([
    ...host.volumes
      .filter(({ Driver }) => Driver === 'local')
      .map(({ Name }) => [Name, { used: false }] as [string, { used: boolean }]),
    ...mounted.map((name) => [name, { used: true }] as [string, { used: boolean }]),
  ]);
}
