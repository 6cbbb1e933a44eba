/** Several managers of a simulated world, on a model of etcd: who runs, who leads, and what users ask of them. */

import type { Clock } from '../../../src/model/clock.ts';
import { ApiError, noLeader } from '../../../src/model/errors.ts';
import type { Change, Commit, View } from '../../../src/store/contract.ts';
import { copyState } from '../../../src/store/etcd/copy.ts';
import { Keys } from '../../../src/store/etcd/keys.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { NotLeadingError, StoreError } from '../../../src/store/store-error.ts';
import type { Endpoint } from '../connection.ts';
import { modelClient } from '../etcd/client.ts';
import { EtcdModel } from '../etcd/cluster.ts';
import type { Member } from '../etcd/member.ts';
import type { Host } from '../host.ts';
import { Violation } from '../invariants.ts';
import type { Network } from '../network.ts';
import { Process } from '../process.ts';
import type { Random } from '../random.ts';
import type { Asked } from '../user.ts';
import { SeveralManager } from './manager.ts';
import { ENCRYPTION, PREFIX } from './places.ts';
import { differences } from './shown.ts';
import { MARK, Truth } from './truth.ts';

/** How long (ms) a request looks for a leader, waits to see its change, and may take. As in the API. */
const PATIENCE = 5_000;
const CATCH_UP = 5_000;
const CLIENT = 30_000;
/** With a quorum, and a manager that is well, for so long (ms) there has to be one that leads. */
const LED_WITHIN = 12_000;

export interface ManagersOptions {
  /** The hosts that managers run on. */
  hosts: readonly Host[];
  clock: Clock;
  random: Random;
  network: Network;
  newId(): string;
  batch(): number | undefined;
  endpointAt(addr: string): Endpoint | undefined;
  committed(commit: Commit, view: View): void;
  /** Another manager has begun to lead. */
  leads(): void;
  failed(error: unknown): void;
  log(line: string): void;
}

export class Managers {
  readonly model: EtcdModel;
  readonly truth: Truth;
  /** Ways between members that are cut, as "from to". */
  readonly cut = new Set<string>();
  /** Whether there are faults. */
  troubled = true;
  readonly #options: ManagersOptions;
  readonly #running = new Map<string, SeveralManager>();
  readonly #drifts = new Map<string, { offset: number; rate: number }>();
  #marks = 0;
  #ledOrNotWell: number;

  constructor(options: ManagersOptions) {
    const { hosts, clock, random, network, log } = options;
    this.#options = options;
    this.#ledOrNotWell = clock.now();
    for (const { nodeId } of hosts) {
      const offset = random.pick([0, 0, 300, -300, 5000, -5000]);
      this.#drifts.set(nodeId, { offset, rate: random.pick([1, 1, 0.98, 1.02]) });
    }
    this.truth = new Truth({
      committed: options.committed,
      led: (by) => {
        const holder = [...this.#running.values()].find(({ process }) => process === by);
        if (by) log(`on record: ${holder?.nodeId ?? 'a manager that is gone'}`);
        else log('on record: nobody');
      },
      broken: options.failed,
    });
    this.model = new EtcdModel(
      hosts.map(({ nodeId }) => nodeId),
      {
        ...{ clock, random, log },
        reaches: (from, to) => !network.isApart(from, to) && !this.cut.has(`${from} ${to}`),
        happened: (entry, keyspace) => this.truth.happened(entry, keyspace),
      },
    );
  }

  get all(): SeveralManager[] {
    return [...this.#running.values()];
  }

  get(nodeId: string): SeveralManager | undefined {
    return this.#running.get(nodeId);
  }

  /** The manager that is on record and has taken up its duties. */
  get leading(): SeveralManager | undefined {
    return this.all.find(({ process, leads }) => process === this.truth.leader && leads);
  }

  /** Whether the manager that leads can write. */
  get canWrite(): boolean {
    const { leading, model } = this;
    if (!leading) return false;
    const { leader } = model;
    return leader !== undefined && model.linked(leader, model.member(leading.nodeId));
  }

  /** Puts the first state into etcd. To be awaited while time passes. */
  async begin(changes: readonly Change[]): Promise<void> {
    const { clock, random } = this.#options;
    const memory = openMemoryStore();
    await memory.commit({ changes });
    const process = new Process(clock);
    const [member] = this.model.members as [Member];
    const client = modelClient({ ...{ model: this.model, member, process, clock, random }, by: 'setup' });
    await copyState(client, { keys: new Keys(PREFIX), dataKey: ENCRYPTION, view: memory.view });
  }

  start(nodeId: string): void {
    if (this.#running.has(nodeId)) return;
    const { clock, random, network, newId, batch, endpointAt, failed, log, leads } = this.#options;
    log(`manager ${nodeId} starts`);
    const manager = new SeveralManager({
      ...{ nodeId, clock, random, network, newId, endpointAt, failed, log, leads },
      ...{ model: this.model, truth: this.truth, batch: batch() },
      drift: this.#drifts.get(nodeId)!,
      troubled: () => this.troubled,
      isRefused: (id) => {
        const host = this.#options.hosts.find((each) => each.nodeId === id);
        return host?.powered === true && !network.isApart(nodeId, id) && !network.managers.has(id);
      },
    });
    this.#running.set(nodeId, manager);
  }

  kill(nodeId: string): void {
    this.#running.get(nodeId)?.kill();
    this.#running.delete(nodeId);
  }

  /** What users ask, of any manager. */
  async ask(request: Asked): Promise<void> {
    const { random } = this.#options;
    const up = this.all.filter(({ store, process }) => store && process.alive);
    if (up.length === 0) throw new ApiError(503, 'no manager answers');
    const first = random.pick(up);
    const mark = `m${++this.#marks}`;
    const marked = withMark(request, mark);
    const { truth } = this;
    const named = /^\/(service|node|secret)s\/([^/]+)(\/update)?$/.exec(request.path);
    const [, kind, id] = (named ?? []) as unknown as [string, 'service' | 'node' | 'secret', string];
    const versionOf = (): number => (named ? (truth.view.get(kind, id)?.Version.Index ?? 0) : 0);
    const before = versionOf();
    try {
      await this.#limited(first, () => this.#askAt(first, marked));
    } catch (error) {
      const given = Number(request.query.version ?? before);
      const old = /out of sequence|not found/.test((error as Error).message);
      if (named && old && before !== 0 && given === before && versionOf() === before)
        throw new Violation(
          `${first.nodeId} refused ${request.path} from an old view: ${(error as Error).message}`,
        );
      throw error;
    }
    const isThere =
      request.method === 'DELETE'
        ? truth.wasDeleted(kind, id)
        : marked === request || truth.hasHappened(mark);
    if (!isThere)
      throw new Violation(
        `${first.nodeId} acknowledged ${request.method} ${request.path}, which has not happened`,
      );
  }

  async #askAt(first: SeveralManager, request: Asked): Promise<void> {
    const { clock } = first.process;
    const deadline = clock.now() + PATIENCE;
    for (;;) {
      const attempt = await first.user.answer(request).then(
        () => true,
        (error: unknown) => {
          if (error instanceof NotLeadingError) return false;
          throw error;
        },
      );
      if (attempt) return;
      for (;;) {
        if (first.leads) break;
        if (await this.#passOn(first, request)) return;
        if (clock.now() > deadline) throw noLeader();
        await wait(first.process, 100);
      }
    }
  }

  /** False: that one does not lead, or cannot be reached. */
  async #passOn(first: SeveralManager, request: Asked): Promise<boolean> {
    const { network, random } = this.#options;
    const leader = this.#running.get(first.leader ?? '');
    if (!leader?.store || leader === first || leader.process.hung) return false;
    await wait(first.process, random.latency(network.delay));
    if (!leader.process.alive || network.isApart(first.nodeId, leader.nodeId)) return false;
    const answer = await first.process.promise<{ revision: number } | 'misdirected'>((resolve, reject) => {
      const lost = (): void => {
        if (!leader.process.alive || network.isApart(first.nodeId, leader.nodeId))
          reject(new ApiError(503, 'the leader was lost before it answered'));
        else if (!settled) this.#options.clock.timer(500, lost);
      };
      let settled = false;
      leader.process.run(() => {
        leader.user.answer(request).then(
          () => {
            settled = true;
            if (!network.isApart(first.nodeId, leader.nodeId))
              resolve({ revision: leader.store!.view.revision });
          },
          (error: unknown) => {
            settled = true;
            if (error instanceof NotLeadingError) resolve('misdirected');
            else reject(error);
          },
        );
      });
      this.#options.clock.timer(500, lost);
    });
    if (answer === 'misdirected') return false;
    for (let waited = 0; first.store!.view.revision < answer.revision && waited < CATCH_UP; waited += 50)
      await wait(first.process, 50);
    return true;
  }

  /** A client does not wait for ever, nor for a manager that is gone. */
  #limited(manager: SeveralManager, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (finish: () => void): void => {
        over = true;
        finish();
      };
      const from = clock.now();
      const look = (): void => {
        if (over) return;
        if (!manager.process.alive || clock.now() - from > CLIENT)
          end(() => reject(new StoreError('the manager was lost before it answered')));
        else clock.timer(1000, look);
      };
      clock.timer(1000, look);
      manager.process.run(() => {
        work().then(
          () => end(resolve),
          (error: unknown) => end(() => reject(error)),
        );
      });
    });
  }

  /** Throws if nobody leads although somebody could. */
  checkLed(): void {
    const { clock } = this.#options;
    const { leader } = this.model;
    const now = clock.now();
    const well = (manager: SeveralManager): boolean => {
      const { process, nodeId } = manager;
      return (
        leader !== undefined &&
        process.alive &&
        !process.hung &&
        this.model.linked(leader, this.model.member(nodeId))
      );
    };
    const steady = leader?.applyLag === 1 && this.all.some((each) => each.store && well(each));
    const led = this.all.find(({ process }) => process === this.truth.leader);
    if (!steady || (led && well(led) && led.leads)) this.#ledOrNotWell = now;
    else if (now - this.#ledOrNotWell > LED_WITHIN)
      throw new Violation(`nobody has led for ${now - this.#ledOrNotWell} ms, although somebody could`);
  }

  /** What is not as it should be once all is well. */
  problems(): string[] {
    const { truth, all, leading, model } = this;
    const found: string[] = [];
    if (!leading) found.push('nobody leads');
    if (all.length < model.members.length) found.push('a manager does not run');
    for (const { nodeId, store, leads, leader } of all) {
      if (!store) found.push(`${nodeId} has no state`);
      else found.push(...differences(nodeId, store.view, truth.view));
      if (leads && nodeId !== leading?.nodeId) found.push(`${nodeId} leads as well`);
      if (leader !== leading?.nodeId) found.push(`${nodeId} takes ${leader} for the leader`);
    }
    return found;
  }
}

function wait({ clock }: Process, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.timer(ms, resolve));
}

function withMark(request: Asked, mark: string): Asked {
  const body = request.body as { Labels?: Record<string, string> } | undefined;
  if (!body || request.query.rollback) return request;
  return { ...request, body: { ...body, Labels: { ...body.Labels, [MARK]: mark } } };
}
