/** A manager's place among several: its member of etcd, the store in it, and the election. */
import { readDataKey } from '../../store/encoding/data-key.ts';
import type { EtcdClient } from '../../store/etcd/client.ts';
import { type EtcdStore, openEtcdStore } from '../../store/etcd/store.ts';
import { Election } from '../leadership/election.ts';
import { refuses } from '../leadership/refusal.ts';
import type { Start } from '../members/flags.ts';
import { takeUpPeer } from '../members/kept-peer.ts';
import { type Member, MemberError, startMember, wipeMember } from '../members/member.ts';
import { peerFiles } from '../members/peer-files.ts';
import { findEtcd } from '../members/program.ts';
import { handOver, untilVoting } from '../peers/steps.ts';
import { capable } from './keeper.ts';
import type { StateOptions } from './state.ts';

/** Where the state is in etcd, and the leader's record beside it. */
export const PREFIX = '/essaim/';
const LEADER = '/essaim-leader';
export const PEER_PORT = 2380;

/** How long (ms) a call to etcd may take, a commit in all, and a new member until it answers. */
const CALL = 2_000;
const COMMIT = 4_000;
const START = 20_000;

export class Seat {
  readonly #options: StateOptions;
  readonly #over: AbortController;
  readonly member: Member;
  #store: EtcdStore | undefined;
  #election: Election | undefined;

  /** Starts the member, or adopts it. @throws MemberError, FolderError; the signal's reason */
  static async take(options: StateOptions, start: Start, signal: AbortSignal): Promise<Seat> {
    const { folders, nodeId, address, fileKey, clock, log } = options;
    const program = await findEtcd();
    await takeUpPeer({ ...folders.peer, fileKey });
    const over = new AbortController();
    const abort = (): void => over.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const member = await startMember({
      ...{ folder: folders.etcd, program, start, clock },
      name: nodeId,
      peerHost: address(),
      peerPort: PEER_PORT,
      files: peerFiles(folders.peer.live),
      timeout: CALL,
      patience: START,
      signal: over.signal,
      onEnd: (end) => log.error({ reason: end.reason, log: end.log }, end.message),
    });
    return new Seat(options, over, member);
  }

  private constructor(options: StateOptions, over: AbortController, member: Member) {
    this.#options = options;
    this.#over = over;
    this.member = member;
  }

  get client(): EtcdClient {
    return this.member.client;
  }

  get store(): EtcdStore {
    return this.#store!;
  }

  get election(): Election {
    return this.#election!;
  }

  /** Reads the state, once the member answers. @throws StoreError */
  async open(): Promise<void> {
    const { folders, fileKey, clock, log } = this.#options;
    const ended = this.member.ended.then((end): never => {
      throw new MemberError(end);
    });
    await Promise.race([this.member.ready(), ended]);
    await untilVoting(this.client);
    this.#store = await openEtcdStore({
      ...{ client: this.client, clock },
      prefix: PREFIX,
      dataKey: readDataKey(folders.dataKey, fileKey()),
      patience: COMMIT,
      onTrouble: (error) => {
        if (error) log.warn({ err: error }, 'the state of the swarm is not followed just now');
      },
    });
  }

  /** From now on this manager may lead. */
  stand(): void {
    const { nodeId, clock, log } = this.#options;
    this.#election = new Election({
      ...{ client: this.client, nodeId, clock, log },
      key: LEADER,
      isAway: async (id) => {
        const addr = this.store.view.get('node', id)?.ManagerStatus?.Addr;
        return addr !== undefined && refuses(addr);
      },
      onTerm: (leadership) => this.store.lead(leadership),
    });
  }

  /** Resolves when this manager leads. */
  async elected(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.election.leader() === this.#options.nodeId) resolve();
    };
    const unwatch = this.election.watch(look);
    look();
    await promise.finally(unwatch);
  }

  /** Another manager leads from now on, if there is one that can. Never rejects. */
  async resign(): Promise<void> {
    await this.election.resign(async () => {
      const { leader } = await this.client.status();
      if (leader !== this.member.memberId) return;
      const members = await this.client.memberList({ linearizable: false });
      const best = capable(this.store.view).flatMap(({ internal }) => internal.member ?? []);
      if (members.some(({ ID, isLearner }) => ID !== this.member.memberId && !isLearner))
        await this.handOver(best);
    });
  }

  /** Gives etcd's lead, and with it that of the swarm, to another member, these first. @throws PeersError, EtcdError */
  async handOver(members: readonly string[]): Promise<void> {
    await handOver(this.client, members);
  }

  /** The member goes on by itself. */
  async release(): Promise<void> {
    await this.#election?.close();
    this.#over.abort(new Error('the daemon ends'));
  }

  /** The member ends, and nothing of it stays. */
  async unseat(): Promise<void> {
    await this.#election?.close();
    await this.member.stop();
    await wipeMember(this.#options.folders.etcd);
  }
}
