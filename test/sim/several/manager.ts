/** The process of one of several managers: the real driver, election, terms, dispatcher and controllers. */
import { startControl } from '../../../src/control/runtime.ts';
import type { Sessions } from '../../../src/manager/contract.ts';
import { Dispatcher } from '../../../src/manager/dispatcher/dispatcher.ts';
import { Election } from '../../../src/manager/leadership/election.ts';
import { keepManagers } from '../../../src/manager/state/keeper.ts';
import { type Term, Terms } from '../../../src/manager/terms.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { ApiError, noLeader } from '../../../src/model/errors.ts';
import { EtcdError } from '../../../src/store/etcd/client.ts';
import { type EtcdStore, openEtcdStore } from '../../../src/store/etcd/store.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import type { Endpoint, Manager as NetworkManager } from '../connection.ts';
import { type ModelClient, modelClient } from '../etcd/client.ts';
import type { EtcdModel } from '../etcd/cluster.ts';
import type { Network } from '../network.ts';
import { Process } from '../process.ts';
import type { Random } from '../random.ts';
import { User } from '../user.ts';
import { ENCRYPTION, LEADER, PREFIX } from './places.ts';
import { Shown } from './shown.ts';
import type { Truth } from './truth.ts';

/** How long (ms) slow controllers take before each transaction. */
const SLOW = 100;
/** How long (ms) a commit may take, as in a daemon. */
const COMMIT = 4_000;

export interface ManagerOptions {
  nodeId: string;
  clock: Clock;
  random: Random;
  /** How wrong its clock is (ms), and how fast it goes. */
  drift: { offset: number; rate: number };
  model: EtcdModel;
  truth: Truth;
  network: Network;
  newId(): string;
  batch: number | undefined;
  endpointAt(addr: string): Endpoint | undefined;
  /** Whether that manager's host can be reached from here, and nobody listens there. */
  isRefused(nodeId: string): boolean;
  /** Its duties have begun. */
  leads(): void;
  /** Whether there are faults just now: then errors of the state are none of its own. */
  troubled(): boolean;
  failed(error: unknown): void;
  log(line: string): void;
}

export class SeveralManager implements NetworkManager {
  readonly nodeId: string;
  readonly process: Process;
  readonly client: ModelClient;
  readonly user: User;
  readonly #options: ManagerOptions;
  #store: EtcdStore | undefined;
  #election: Election | undefined;
  #terms: Terms<Term> | undefined;
  #sessions: Sessions | undefined;

  constructor(options: ManagerOptions) {
    const { nodeId, model, clock, random, drift } = options;
    this.#options = options;
    this.nodeId = nodeId;
    this.process = new Process(drifting(clock, drift));
    const { process } = this;
    this.client = modelClient({ ...{ model, process, random }, member: model.member(nodeId), clock });
    const requireCurrent = (): void => {
      if (!this.#election?.isCurrent()) throw noLeader();
    };
    this.user = new User({
      store: () => this.store!,
      newId: options.newId,
      now: () => process.clock.now(),
      leader: { isHere: () => this.leads, requireCurrent },
    });
    this.#begin().catch(options.failed);
  }

  /** Undefined until it has read the state. */
  get store(): EtcdStore | undefined {
    return this.#store;
  }

  get leads(): boolean {
    return this.#terms?.current !== undefined;
  }

  /** Of its duties, while it leads. */
  get sessions(): Sessions | undefined {
    return this.leads ? this.#sessions : undefined;
  }

  /** Who leads, as it knows. */
  get leader(): string | undefined {
    return this.#election?.leader();
  }

  /** Hands the lead over, as a daemon that is about to stop. */
  async resign(): Promise<void> {
    const { model, random, nodeId } = this.#options;
    const own = model.member(nodeId);
    await this.#election?.resign(async () => {
      const others = model.members.filter((each) => each !== own && model.linked(own, each));
      if (others.length > 0) model.moveLeader(own, random.pick(others));
    });
  }

  /** kill -9 */
  kill(): void {
    this.process.kill();
    this.#options.network.managerDied(this.nodeId);
  }

  async #begin(): Promise<void> {
    const { nodeId, truth, network, log, failed, isRefused } = this.#options;
    const { process, client } = this;
    const complain = (error: unknown): void => this.#complain(error);
    for (;;) {
      try {
        this.#store = await openEtcdStore({
          ...{ client, prefix: PREFIX, dataKey: ENCRYPTION, patience: COMMIT, clock: process.clock },
          onTrouble: (error) => log(`${nodeId}: ${error ? error.message : 'follows again'}`),
        });
        break;
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        await process.promise<void>((resolve) => void process.clock.timer(500, () => resolve()));
      }
    }
    const store = this.#store;
    const shown = new Shown(nodeId, store.view, truth);
    store.watch(store.view.revision, (commit) => {
      try {
        shown.commit(commit);
      } catch (error) {
        failed(error);
      }
    });
    network.managers.set(nodeId, this);
    this.#election = new Election({
      ...{ client, nodeId, key: LEADER, clock: process.clock },
      isAway: (id) => process.promise((resolve) => void process.clock.timer(5, () => resolve(isRefused(id)))),
      onTerm: (leadership) => store.lead(leadership),
      log: {
        info: (_, message) => log(`${nodeId}: ${message}`),
        warn: (_, message) => log(`${nodeId}: ${message}`),
      },
    });
    this.#terms = new Terms<Term>({
      ...{ office: this.#election, nodeId, store, clock: process.clock, onError: complain },
      begin: async () => this.#beginDuties(store),
    });
  }

  #beginDuties(store: EtcdStore): Term {
    const { nodeId, network, newId, batch, endpointAt, log, leads } = this.#options;
    const { process } = this;
    const { clock } = process;
    const pause = batch === undefined ? 0 : SLOW;
    const stop = new AbortController();
    const { signal } = stop;
    const sessions = new Dispatcher({
      ...{ store, clock },
      roots: () => 'ROOTS',
      probe: (addr) =>
        process.promise((resolve, reject) => network.probe(endpointAt(addr), nodeId).then(resolve, reject)),
      hostsMayBoot: false,
      afterInput: (fn) => void clock.timer(0, fn),
      rest: async () => {},
      log: {
        info: (fields, message) => log(`${nodeId} dispatcher: ${message} ${JSON.stringify(fields)}`),
        error: (fields, message) =>
          this.#complain((fields as { error?: unknown }).error ?? new Error(message)),
      },
    });
    const control = startControl({
      ...{ store, clock, newId, batch, signal },
      yieldTo: () => process.promise((resolve) => clock.timer(pause, () => resolve(undefined))),
      log: (message, error) => this.#complain(error ?? new Error(message)),
    });
    const keeping = keepManagers({
      ...{ store, nodeId, clock, signal, onError: (error) => this.#complain(error) },
      leave: async () => {},
      resign: () => {},
      handOver: async () => {},
    });
    this.#sessions = sessions;
    leads();
    return {
      async close() {
        stop.abort();
        await Promise.all([control, keeping]);
        sessions.close();
        network.endSessions(sessions);
      },
    };
  }

  #complain(error: unknown): void {
    const { failed, log, nodeId, troubled } = this.#options;
    const expected = error instanceof StoreError || error instanceof ApiError;
    if (expected && troubled()) log(`${nodeId}: ${error.message}`);
    else failed(error);
  }
}

function drifting(clock: Clock, { offset, rate }: { offset: number; rate: number }): Clock {
  const from = clock.now();
  return {
    now: () => Math.round(from + offset + (clock.now() - from) * rate),
    timer: (ms, fn) => clock.timer(Math.max(1, Math.round(ms / rate)), fn),
  };
}
