/**
 * Brings containers of this host that are no tasks onto the cluster's networks. Their addresses are the manager's to
 * give; it is told which such containers there are, whenever that changes and with each new session, and takes back
 * the addresses of those that are gone, however they went.
 */
import type { EngineClient } from '../../engine/client.ts';
import type { Clock } from '../../model/clock.ts';
import { ApiError, messageOf } from '../../model/errors.ts';
import type { AttachAnswer, AttachedAnswer, AttachedReport, AttachRequest } from '../../model/protocol.ts';
import { listEngineNetworks } from '../../network/plugin/engine-networks.ts';
import { Backoff } from '../backoff.ts';
import type { ContainerNetworks, ContainerPlace, TaskNetworks, WantedNetwork } from '../contract.ts';
import { LABEL } from '../engine-tasks/names.ts';
import type { NodeLocalNetworks } from '../engine-tasks/node-local.ts';
import { listAttached, type Variables } from './containers.ts';

/** Everything is looked at this often even if no event says so. */
const LOOK_EVERY_MS = 45_000;
/** How long (ms) a container that is to stop waits until the manager knows. */
const STOP_PATIENCE = 2_000;
/** How long a network may take to come up on this host (ms). */
const NETWORK_PATIENCE = 30_000;
const EVENTS = ['create', 'start', 'die', 'destroy', 'rename', 'pause', 'unpause', 'health_status'];

/** The calls to the manager. They reject with ApiError: 503 without a session. */
export interface AttachmentLink {
  attach(request: AttachRequest): Promise<AttachAnswer>;
  attached(report: AttachedReport): Promise<AttachedAnswer>;
}

export interface AttachmentsOptions {
  engine: EngineClient;
  networks: TaskNetworks;
  nodeLocal: NodeLocalNetworks;
  link: AttachmentLink;
  clock: Clock;
  newId(): string;
  log(message: string): void;
  signal: AbortSignal;
}

export class HostAttachments implements ContainerNetworks {
  readonly #options: AttachmentsOptions;
  /** Ids of attachments whose containers are being made. */
  readonly #pending = new Set<string>();
  /** Ids of containers to which something has just happened: the engine's list may not show it yet. */
  readonly #stirred = new Set<string>();
  /** Ids of containers that are being stopped, each as often as it was asked for: they offer nothing any more. */
  readonly #ending: string[] = [];
  #turn: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  readonly #variables: Variables = new Map();
  /** What the manager was told last, as JSON. */
  #told: string | undefined;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** Follows what happens to containers until the end. */
  async run(): Promise<void> {
    const { engine, clock, signal, log } = this.#options;
    const backoff = new Backoff(clock, Math.random);
    const filters = { type: ['container'], event: EVENTS };
    let cancel = (): void => {};
    const look = (): void => {
      cancel();
      if (signal.aborted) return;
      this.#look();
      cancel = clock.timer(LOOK_EVERY_MS, look);
    };
    try {
      while (!signal.aborted) {
        const since = clock.now() / 1000 - 1;
        look();
        try {
          await startWaiting(engine, log);
          for await (const event of engine.events({ filters, since }, signal)) {
            backoff.reset();
            const { ID, Attributes = {} } = event.Actor;
            if (LABEL.taskId in Attributes) continue;
            this.#stirred.add(ID);
            look();
          }
        } catch (error) {
          log(`the engine's events ended: ${messageOf(error)}`);
        }
        await backoff.wait(signal);
      }
    } finally {
      cancel();
    }
  }

  /** The manager has begun a session: it may have missed anything. */
  greeted(): void {
    this.#told = undefined;
    this.#look();
  }

  async attach<T>(
    wanted: readonly WantedNetwork[],
    make: (places: ContainerPlace[]) => Promise<T>,
  ): Promise<T> {
    const { link, newId } = this.#options;
    const requests = wanted.map((one): AttachRequest => ({ ...one, id: newId() }));
    for (const { id } of requests) this.#pending.add(id);
    try {
      // A report that is on its way does not speak of these yet.
      await this.#turn;
      const answers: AttachAnswer[] = [];
      for (const request of requests) {
        answers.push(await link.attach(request).catch((error: unknown) => refuse(request.network, error)));
      }
      return await this.#onNetworks(answers, make);
    } finally {
      for (const { id } of requests) this.#pending.delete(id);
      // Whose these addresses are now shows in what there is.
      this.#told = undefined;
      await this.refresh().catch((error: unknown) => this.#failed(error));
    }
  }

  async ending<T>(containerId: string, stop: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    this.#ending.push(containerId);
    try {
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const cancel = clock.timer(STOP_PATIENCE, resolve);
      await Promise.race([this.refresh().catch((error: unknown) => this.#failed(error)), over]);
      cancel();
      return await stop();
    } finally {
      this.#ending.splice(this.#ending.indexOf(containerId), 1);
      this.#stirred.add(containerId);
      this.#look();
    }
  }

  refresh(): Promise<void> {
    this.#next ??= this.#turn.then(async () => {
      this.#next = undefined;
      await this.#tell();
    });
    this.#turn = this.#next.catch(() => {});
    return this.#next;
  }

  async #tell(): Promise<void> {
    const { engine, link, signal, log } = this.#options;
    signal.throwIfAborted();
    const pending = new Set(this.#pending);
    const stirred = new Set(this.#stirred);
    this.#stirred.clear();
    const containers = (await listAttached(engine, stirred, this.#variables)).map((each) =>
      this.#ending.includes(each.id) ? { ...each, offers: undefined } : each,
    );
    for (const id of this.#pending) pending.add(id);
    const report = { containers, pending: [...pending] };
    const text = JSON.stringify(report);
    if (text === this.#told) return;
    this.#told = undefined;
    const { refused } = await link.attached(report);
    this.#told = text;
    for (const message of refused) log(message);
  }

  #look(): void {
    const { nodeLocal } = this.#options;
    this.refresh().catch((error: unknown) => this.#failed(error));
    nodeLocal.prune().catch((error: unknown) => this.#failed(error));
  }

  /** Without a session nobody can be told: the next one begins with it. */
  #failed(error: unknown): void {
    const { signal, log } = this.#options;
    if (signal.aborted || (error instanceof ApiError && error.status === 503)) return;
    log(`the manager was not told which containers are on its networks: ${messageOf(error)}`);
  }

  /** Has the networks on this host while the container is made or connected. */
  async #onNetworks<T>(
    answers: readonly AttachAnswer[],
    make: (places: ContainerPlace[]) => Promise<T>,
  ): Promise<T> {
    const { nodeLocal } = this.#options;
    const held: Array<NonNullable<AttachAnswer['nodeLocal']>> = [];
    const place = async (answer: AttachAnswer): Promise<ContainerPlace> => {
      if (!answer.nodeLocal) return this.#place(answer);
      const id = await nodeLocal.ensure(answer.nodeLocal);
      held.push(answer.nodeLocal);
      const network = await this.#nameOf(id, answer.nodeLocal.Spec.Name);
      return { network, isNodeLocal: true, ipv4: undefined, ipv6: undefined, nameServer: undefined };
    };
    try {
      const places: ContainerPlace[] = [];
      for (const answer of answers) places.push(await place(answer));
      return await make(places);
    } finally {
      for (const network of held) nodeLocal.release(network);
    }
  }

  async #place({ networkId, addresses }: AttachAnswer): Promise<ContainerPlace> {
    const { networks, signal } = this.#options;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(NETWORK_PATIENCE)]);
    const { engineNetworkId, name } = await networks.ensureNetwork(networkId, patience);
    const hosts = addresses.map((cidr) => cidr.split('/')[0]!);
    return {
      network: await this.#nameOf(engineNetworkId, name),
      ipv4: hosts.find((host) => !host.includes(':')),
      ipv6: hosts.find((host) => host.includes(':')),
      nameServer: networks.dnsServerFor(networkId),
    };
  }

  /** Its name is what users know it by, but the engine may have another one of that name. */
  async #nameOf(engineNetworkId: string, name: string): Promise<string> {
    const called = await this.#options.engine
      .json<{ Id: string }>('GET', `/networks/${encodeURIComponent(name)}`)
      .catch(() => undefined);
    return called?.Id === engineNetworkId ? name : engineNetworkId;
  }
}

/**
 * An engine that is started before this daemon finds no driver for the cluster's networks and gives up containers that
 * it was to start again: they are started now.
 */
async function startWaiting(engine: EngineClient, log: (message: string) => void): Promise<void> {
  for (const { id, name, running } of await listAttached(engine)) {
    if (running) continue;
    const { State, HostConfig } = await engine.json<Inspect>('GET', `/containers/${id}/json`);
    const isLeft = /plugin "?essaim"? not found/.test(State.Error);
    if (!isLeft || ['', 'no'].includes(HostConfig.RestartPolicy.Name)) continue;
    log(`starting container ${name}: its engine could not, without this daemon`);
    await engine
      .json('POST', `/containers/${id}/start`)
      .catch((error: unknown) => log(`container ${name} does not start: ${messageOf(error)}`));
  }
}

interface Inspect {
  State: { Error: string };
  HostConfig: { RestartPolicy: { Name: string } };
}

/** The node leaves its swarm: takes such containers off networks that are about to go. They go on without. */
export async function detachAll(engine: EngineClient): Promise<void> {
  for (const { Id } of await listEngineNetworks(engine)) {
    const { Containers } = await engine.json<{ Containers: Record<string, unknown> | null }>(
      'GET',
      `/networks/${Id}`,
    );
    for (const Container of Object.keys(Containers ?? {}))
      await engine.json('POST', `/networks/${Id}/disconnect`, { body: { Container, Force: true } });
  }
}

/** @throws the manager's error, or why there is no manager to ask */
function refuse(network: string, error: unknown): never {
  if (!(error instanceof ApiError && error.status === 503)) throw error;
  throw new ApiError(503, `attaching to network ${network} takes a manager that answers: ${error.message}`);
}
