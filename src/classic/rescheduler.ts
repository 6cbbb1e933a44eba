/**
 * Containers that are to outlive their host are made anew elsewhere when it is lost, and not kept twice when it returns.
 * All is derived from what hosts have: what could not be done is tried again, whatever happened in between.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent } from '../engine/client.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import type { ContainerRecord, InspectedContainer } from '../fleet/records.ts';
import { messageOf } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { createContainer } from './create.ts';
import { callJson } from './engine-call.ts';
import { hostName } from './names.ts';
import { cpusOf, isRescheduled, SWARM_ID } from './rules/container-config.ts';

/** How long (ms) until what could not be done is tried again, if nothing happens before. */
const AGAIN = 5_000;
/** Containers that are made at once. */
const AT_ONCE = 4;
/** How long (ms) an engine that has left may take to answer; so many times without an answer, and it is lost. */
const LOOK_TIME = 2_000;
const LOOKS = 3;

export interface ReschedulerOptions {
  cluster: Cluster;
  log: Logger;
  /** Whether it is this manager that does it. */
  isPrimary(): boolean;
}

/** What a host's engine ends when it is shut down, it ends within that time (ms) before it is gone. */
const SHUTDOWN = 20_000;

/** A host that is no member any more, with what was on it. */
interface Departed {
  host: Host;
  /** Looks in a row that found nobody. */
  missed: number;
}

export class Rescheduler {
  readonly #options: ReschedulerOptions;
  readonly #departed = new Map<string, Departed>();
  /** Containers that are being made anew, by swarm id. */
  readonly #moving = new Set<string>();
  /** What was last said against it, by container: it is tried again and again, and said once. */
  readonly #refusals = new Map<string, string>();
  /** When (ms) an engine has told containers to end, by id. */
  readonly #told = new Map<string, number>();
  #wake: () => void = () => undefined;

  constructor(options: ReschedulerOptions) {
    this.#options = options;
  }

  /** Until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#options;
    const stop = cluster.fleet.listen((event) => {
      if (event.type === 'engine') this.#heard(event.event);
      if (event.type === 'engine' || event.type === 'contents') return;
      const { host } = event;
      if (host.status === 'Disconnected' && [...host.containers.values()].some(isMeant)) {
        this.#departed.set(host.key, { host, missed: 0 });
      }
      this.#wake();
    });
    while (!signal.aborted) {
      await this.#round(signal).catch((error: unknown) => log.error({}, `rescheduling: ${messageOf(error)}`));
      const early = new AbortController();
      this.#wake = () => early.abort();
      await delay(AGAIN, undefined, { signal: AbortSignal.any([signal, early.signal]), ref: false }).catch(
        () => undefined,
      );
    }
    stop();
  }

  #heard({ Type, Action, Actor }: EngineEvent): void {
    if (Type !== 'container') return;
    if (Action === 'kill') this.#told.set(Actor.ID, Date.now());
    else if (Action === 'start' || Action === 'destroy') this.#told.delete(Actor.ID);
  }

  /** Whether it ran until its host was lost; what an engine ends because it is shut down itself did. */
  #ran(from: Host, { id, state }: ContainerRecord): boolean {
    if (state.Running) return true;
    const told = this.#told.get(id) ?? 0;
    return told > from.answeredAt - SHUTDOWN && !this.#options.cluster.wasStopped(id);
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { cluster, isPrimary } = this.#options;
    if (!isPrimary()) return;
    await this.#lookAtDeparted();
    await this.#removeDoubles();
    const lost = [
      ...cluster.hosts().filter(({ status }) => status === 'Unhealthy'),
      ...[...this.#departed.values()].filter(({ missed }) => missed >= LOOKS).map(({ host }) => host),
    ];
    const left = lost.flatMap((host) =>
      [...host.containers.values()]
        .filter((each) => this.#isMissing(each))
        .map((record) => ({ host, record })),
    );
    const next = async (): Promise<void> => {
      for (let each = left.shift(); each && !signal.aborted; each = left.shift())
        await this.#move(each.host, each.record);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  /** A host that has merely left the list of members still runs what it runs. */
  async #lookAtDeparted(): Promise<void> {
    const { cluster } = this.#options;
    await Promise.all(
      [...this.#departed.values()].map(async (departed) => {
        const { host } = departed;
        if (cluster.fleet.has(host.key)) {
          this.#departed.delete(host.key);
          return;
        }
        while (departed.missed < LOOKS) {
          const answers = await host.engine.ping(AbortSignal.timeout(LOOK_TIME)).then(
            () => true,
            () => false,
          );
          departed.missed = answers ? 0 : departed.missed + 1;
          if (answers) return;
        }
      }),
    );
  }

  /** Whether no host that answers has it. */
  #isMissing(record: ContainerRecord): boolean {
    const id = record.labels[SWARM_ID];
    if (!isMeant(record) || id === undefined || this.#moving.has(id)) return false;
    return !this.#options.cluster.healthy().some((host) => holders(host, id).length > 0);
  }

  async #move(from: Host, record: ContainerRecord): Promise<void> {
    const { cluster, log } = this.#options;
    const id = record.labels[SWARM_ID]!;
    const inspected = record.inspected;
    if (!inspected || !this.#isMissing(record) || from.status === 'Healthy') return;
    this.#moving.add(id);
    try {
      const shared = await this.#disconnect(record, inspected);
      const created = await createContainer(
        cluster,
        { name: record.name, body: bodyOf(inspected, from, shared), except: record.id },
        { retries: 0, log },
      );
      from.forget(record.id);
      this.#refusals.delete(record.id);
      log.info(
        {},
        `Rescheduled container ${record.id} from ${hostName(from)} to ${hostName(created.host)} as ${created.id}`,
      );
      await connectRest(created.host, created.id, inspected, shared);
      if (!this.#ran(from, record)) return;
      log.info({}, `Container ${record.id} was running, starting container ${created.id}`);
      await callJson(created.host, 'POST', `/containers/${created.id}/start`);
      await created.host.refreshContainer(created.id);
    } catch (error) {
      const refusal = messageOf(error);
      if (this.#refusals.get(record.id) === refusal) return;
      this.#refusals.set(record.id, refusal);
      log.error({}, `Failed to reschedule container ${record.id}: ${refusal}`);
    } finally {
      this.#moving.delete(id);
    }
  }

  /** Takes the lost one's place on networks of all hosts away; the names of these networks. */
  async #disconnect(record: ContainerRecord, { NetworkSettings }: InspectedContainer): Promise<string[]> {
    const [host] = this.#options.cluster.healthy();
    if (!host) return [];
    const names = Object.keys(NetworkSettings.Networks ?? {});
    const shared = names.filter((name) =>
      host.networks.some(({ Name, Scope }) => Name === name && Scope !== 'local'),
    );
    for (const name of shared) {
      const body = { Container: record.id, Force: true };
      // That it is not there any more is as well.
      await callJson(host, 'POST', `/networks/${encodeURIComponent(name)}/disconnect`, { body }).catch(
        () => undefined,
      );
    }
    return shared;
  }

  /** Of two that are the same, the older one goes; one that has never started goes before one that has. */
  async #removeDoubles(): Promise<void> {
    const { cluster, log } = this.#options;
    const all = cluster
      .healthy()
      .flatMap((host) => [...host.containers.values()].filter(isMeant).map((record) => ({ host, record })));
    for (const [id, copies] of Map.groupBy(all, ({ record }) => record.labels[SWARM_ID])) {
      if (id === undefined || copies.length < 2 || this.#moving.has(id)) continue;
      const rank = ({ record }: (typeof copies)[0]): number =>
        (record.state.Status === 'created' ? 0 : 1e12) + record.listed.Created;
      const [, ...others] = copies.toSorted((a, b) => rank(b) - rank(a));
      for (const { host, record } of others) {
        try {
          await callJson(host, 'DELETE', `/containers/${record.id}`, { query: { force: 1, v: 1 } });
          await host.refreshContainer(record.id);
          log.info({}, `Removed container ${record.id} on ${hostName(host)}: it was made anew elsewhere`);
        } catch (error) {
          log.error({}, `Failed to remove container ${record.id} on ${hostName(host)}: ${messageOf(error)}`);
        }
      }
    }
  }
}

const isMeant = ({ labels }: ContainerRecord): boolean => isRescheduled(labels);

function holders(host: Host, swarmId: string): ContainerRecord[] {
  return [...host.containers.values()].filter(({ labels }) => labels[SWARM_ID] === swarmId);
}

/** A request that makes the same container. */
function bodyOf(
  inspected: InspectedContainer,
  from: Host,
  shared: readonly string[],
): Record<string, unknown> {
  const { Config, HostConfig, NetworkSettings } = inspected;
  const mode = HostConfig.NetworkMode ?? '';
  const endpoint = shared.includes(mode) ? endpointOf(inspected, mode) : undefined;
  const cpus = cpusOf(HostConfig.CpuShares ?? 0, from.facts?.cpus ?? 1);
  return {
    ...Config,
    HostConfig: { ...HostConfig, CpuShares: cpus },
    ...(endpoint &&
      NetworkSettings.Networks && { NetworkingConfig: { EndpointsConfig: { [mode]: endpoint } } }),
  };
}

/** The networks of all hosts besides the one that it is made on. */
async function connectRest(
  host: Host,
  id: string,
  inspected: InspectedContainer,
  shared: readonly string[],
): Promise<void> {
  for (const name of shared) {
    if (name === inspected.HostConfig.NetworkMode) continue;
    const body = { Container: id, EndpointConfig: endpointOf(inspected, name) };
    await callJson(host, 'POST', `/networks/${encodeURIComponent(name)}/connect`, { body });
  }
}

function endpointOf({ Id, NetworkSettings }: InspectedContainer, name: string): object {
  const { IPAMConfig, Aliases, Links, IPAddress } = NetworkSettings.Networks?.[name] ?? {};
  return {
    // It keeps the address that it had.
    IPAMConfig: IPAMConfig ?? (IPAddress ? { IPv4Address: IPAddress } : null),
    Aliases: (Aliases ?? []).filter((alias) => !Id.startsWith(alias)),
    Links: Links ?? null,
  };
}
