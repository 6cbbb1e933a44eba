/**
 * Containers that are to outlive their host are made anew elsewhere when it is lost, and not kept twice when it returns.
 * All is derived from what hosts have: what could not be done is tried again, whatever happened in between.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent } from '../engine/client.ts';
import type { Host, Logger } from '../fleet/contract.ts';
import type { ContainerRecord } from '../fleet/records.ts';
import { messageOf } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { createContainer } from './create.ts';
import { callJson } from './engine-call.ts';
import { isMeant, Keeper } from './keeper.ts';
import { bodyOf, endpointOf, type Keepsake, type KeepsakeStore, type KeptContainer } from './keepsakes.ts';
import { hostName } from './names.ts';
import { SWARM_ID } from './rules/container-config.ts';

/** How long (ms) until what could not be done is tried again, if nothing happens before. */
const AGAIN = 5_000;
/** How long (ms) making one anew may take, with its image. */
const PATIENCE = 120_000;
/** Containers that are made at once. */
const AT_ONCE = 4;

export interface ReschedulerOptions {
  cluster: Cluster;
  log: Logger;
  /** Whether it is this manager that does it. */
  isPrimary(): boolean;
  /** See KeeperOptions. */
  store?: KeepsakeStore;
  isGone(key: string): Promise<boolean>;
}

/** What a host's engine ends when it is shut down, it ends within that time (ms) before it is gone. */
const SHUTDOWN = 20_000;

export class Rescheduler {
  readonly #options: ReschedulerOptions;
  readonly #keeper: Keeper;
  /** Containers that are being made anew, by swarm id. */
  readonly #moving = new Set<string>();
  /** What was last said against it, by container: it is tried again and again, and said once. */
  readonly #refusals = new Map<string, string>();
  /** When (ms) an engine has told containers to end, by id. */
  readonly #told = new Map<string, number>();
  #wake: () => void = () => undefined;

  constructor(options: ReschedulerOptions) {
    this.#options = options;
    const { cluster, log, store, isGone } = options;
    this.#keeper = new Keeper({
      ...{ cluster, log, store, isGone },
      endedWithHost: (host, record) => this.#endedWithHost(host, record),
    });
  }

  /** Until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#options;
    const stop = cluster.fleet.listen((event) => {
      if (event.type === 'engine') this.#heard(event.event);
      else if (event.type !== 'contents' || this.#keeper.concerns(event.host)) this.#wake();
    });
    while (!signal.aborted) {
      let again = false;
      const early = new AbortController();
      this.#wake = () => {
        again = true;
        early.abort();
      };
      await this.#round(signal).catch((error: unknown) => log.error({}, `rescheduling: ${messageOf(error)}`));
      if (again) continue;
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

  /** What an engine ends because it is shut down itself ran until then; what a client has it end did not. */
  #endedWithHost(from: Host, { id }: ContainerRecord): boolean {
    const told = this.#told.get(id) ?? 0;
    return told > from.answeredAt - SHUTDOWN && !this.#options.cluster.wasStopped(id);
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#forgetMoved();
    if (!this.#options.isPrimary()) {
      this.#keeper.reset();
      return;
    }
    await this.#removeDoubles(signal);
    await this.#keeper.look((id) => this.#moving.has(id));
    const unstarted = this.#keeper.unstarted();
    const lost = (await this.#keeper.lost()).filter(({ id }) => this.#isMissing(id));
    // An engine that hangs is not waited for longer than that: it is lost by then, and another one is asked.
    const limited = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const left = [
      ...unstarted.map(
        ({ host, record }) =>
          () =>
            this.#tryStart(host, record.id, limited()),
      ),
      ...lost.map((each) => () => this.#move(each, limited())),
    ];
    const next = async (): Promise<void> => {
      for (let each = left.shift(); each && !signal.aborted; each = left.shift()) await each();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  #isMissing(id: string): boolean {
    return !this.#moving.has(id) && !this.#isThere(id);
  }

  /** Whether a host that answers has it. */
  #isThere(id: string): boolean {
    const has = ({ labels }: ContainerRecord): boolean => labels[SWARM_ID] === id;
    return this.#options.cluster.healthy().some((host) => [...host.containers.values()].some(has));
  }

  async #move(lost: Keepsake, signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#options;
    const { id, container, host: from, running } = lost;
    if (!this.#isMissing(id) || cluster.fleet.host(from.key)?.status === 'Healthy') return;
    this.#moving.add(id);
    try {
      const shared = await this.#disconnect(container, signal);
      const created = await createContainer(
        cluster,
        { name: container.Name.replace(/^\//, ''), body: bodyOf(lost, shared), except: container.Id, signal },
        { retries: 0, log },
      );
      this.#forgetMoved();
      this.#refusals.delete(container.Id);
      log.info(
        {},
        `Rescheduled container ${container.Id} from ${from.name} to ${hostName(created.host)} as ${created.id}`,
      );
      await connectRest(created.host, created.id, container, shared, signal);
      if (!running) return;
      log.info({}, `Container ${container.Id} was running, starting container ${created.id}`);
      await this.#tryStart(created.host, created.id, signal);
    } catch (error) {
      this.#say(container.Id, `Failed to reschedule container ${container.Id}: ${messageOf(error)}`);
    } finally {
      this.#moving.delete(id);
    }
  }

  async #tryStart(host: Host, id: string, signal: AbortSignal): Promise<void> {
    try {
      await callJson(host, 'POST', `/containers/${id}/start`, { signal });
      await host.refreshContainer(id);
    } catch (error) {
      this.#say(id, `Failed to start rescheduled container ${id}: ${messageOf(error)}`);
    }
  }

  #say(id: string, refusal: string): void {
    if (this.#refusals.get(id) === refusal) return;
    this.#refusals.set(id, refusal);
    this.#options.log.error({}, refusal);
  }

  /** Takes the lost one's place on networks of all hosts away; the names of these networks. */
  async #disconnect({ Id, Networks }: KeptContainer, signal: AbortSignal): Promise<string[]> {
    const [host] = this.#options.cluster.healthy();
    if (!host) return [];
    const shared = Object.keys(Networks).filter((name) =>
      host.networks.some(({ Name, Scope }) => Name === name && Scope !== 'local'),
    );
    const { swarm } = this.#options.cluster;
    if (swarm) {
      await swarm.release(Id);
      return shared;
    }
    for (const name of shared) {
      const body = { Container: Id, Force: true };
      // That it is not there any more is as well.
      const path = `/networks/${encodeURIComponent(name)}/disconnect`;
      await callJson(host, 'POST', path, { body, signal }).catch(() => undefined);
    }
    return shared;
  }

  /** What was made anew, by this manager or another one, is shown where it is now. */
  #forgetMoved(): void {
    const { cluster } = this.#options;
    const lost = cluster.hosts().filter(({ status }) => status === 'Unhealthy');
    for (const host of lost) {
      for (const record of host.containers.values()) {
        const id = record.labels[SWARM_ID];
        if (id !== undefined && isMeant(record) && this.#isThere(id)) host.forget(record.id);
      }
    }
  }

  /** Of two that are the same, the older one goes; one that has never started goes before one that has. */
  async #removeDoubles(signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.#options;
    // An engine that is a member by two addresses has its containers once.
    const byId = new Map<string, { host: Host; record: ContainerRecord }>();
    for (const host of cluster.healthy()) {
      for (const record of host.containers.values())
        if (isMeant(record)) byId.set(record.id, { host, record });
    }
    const all = [...byId.values()];
    // An image that was committed has the labels of its container, and what is run of it is another container.
    const identity = ({ record }: (typeof all)[0]): string => `${record.labels[SWARM_ID]} ${record.image}`;
    for (const copies of Map.groupBy(all, identity).values()) {
      const id = copies[0]!.record.labels[SWARM_ID];
      if (id === undefined || copies.length < 2 || this.#moving.has(id)) continue;
      const rank = ({ record }: (typeof copies)[0]): number =>
        (record.state.Status === 'created' ? 0 : 1e12) + record.listed.Created;
      const [, ...others] = copies.toSorted((a, b) => rank(b) - rank(a));
      for (const { host, record } of others) {
        try {
          await callJson(host, 'DELETE', `/containers/${record.id}`, {
            query: { force: 1, v: 1 },
            signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
          });
          await host.refreshContainer(record.id);
          log.info({}, `Removed container ${record.id} on ${hostName(host)}: it was made anew elsewhere`);
        } catch (error) {
          log.error({}, `Failed to remove container ${record.id} on ${hostName(host)}: ${messageOf(error)}`);
        }
      }
    }
  }
}

/** The networks of all hosts besides the one that it is made on. */
async function connectRest(
  host: Host,
  id: string,
  container: KeptContainer,
  shared: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const name of shared) {
    if (name === container.HostConfig.NetworkMode) continue;
    // It keeps the address that it had.
    const body = { Container: id, EndpointConfig: endpointOf(container, name) };
    await callJson(host, 'POST', `/networks/${encodeURIComponent(name)}/connect`, { body, signal });
  }
}
