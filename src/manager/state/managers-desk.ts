/** How managers come and go: what the leader does when a node takes or leaves its place among them. */
import { timestamp } from '../../model/clock.ts';
import { ApiError, noLeader } from '../../model/errors.ts';
import type { Node } from '../../model/objects.ts';
import type { ManagerJoin, ManagerJoined } from '../../model/protocol.ts';
import { advice, votersAmong } from '../../model/quorum.ts';
import type { Store } from '../../store/contract.ts';
import type { Authority } from '../contract.ts';
import { peerUrl } from '../members/flags.ts';
import { savePeer } from '../members/kept-peer.ts';
import { requestPeer } from '../members/peer-files.ts';
import { findEtcd } from '../members/program.ts';
import { addLearner, PeersError, promoteWhenReady, removeMember } from '../peers/steps.ts';
import { PEER_PORT, type Seat } from './seat.ts';
import type { ManagerState, StateFolders } from './state.ts';

export interface ManagersDeskOptions {
  store: Store;
  state: ManagerState;
  authority: Authority;
  folders: StateFolders;
  fileKey(): Buffer | undefined;
  /** This manager's node, and the address at which other managers reach it now. */
  nodeId: string;
  address(): string;
  newId(): string;
  now(): number;
  /** Writes down that the state is in etcd from now on. */
  decided(): void;
  log: { warn(fields: object, message: string): void };
}

export class ManagersDesk {
  readonly #options: ManagersDeskOptions;
  /** One change of the members at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ManagersDeskOptions) {
    this.#options = options;
  }

  /** Takes a node in that has been made a manager: as a learner first. Rejects with ApiError. */
  join(nodeId: string, request: ManagerJoin): Promise<ManagerJoined> {
    return this.#exclusively(async () => {
      this.#requireManager(nodeId);
      const { client } = await this.#seat();
      const url = peerUrl(request.address, PEER_PORT);
      // What it was before is gone with its data.
      for (const { ID, name } of await client.memberList({ linearizable: true }))
        if (name === nodeId || ID === this.#node(nodeId).internal.member) await removeMember(client, ID);
      const { member, members } = await addLearner(client, url);
      await this.#note(nodeId, (node) => ({ ...node, internal: { ...node.internal, member: member.ID } }));
      const { authority, state } = this.#options;
      const { certificate, roots } = await authority.certifyMember(nodeId, request);
      const dataKey = state.dataKey().key.toString('base64');
      return { memberId: member.ID, members, certificate, roots, dataKey };
    });
  }

  /** Its member runs: makes it a voting one. Resolves when it is. Rejects with ApiError, 410 if it has to join again. */
  ready(nodeId: string, addr: string): Promise<void> {
    return this.#exclusively(async () => {
      this.#requireManager(nodeId);
      const { client } = await this.#seat();
      const id = this.#node(nodeId).internal.member;
      const known = (await client.memberList({ linearizable: true })).find(({ ID }) => ID === id);
      if (!known)
        throw new ApiError(410, `node ${nodeId} has no member of etcd among the managers' any more`);
      if (known.isLearner) await promoteWhenReady(client, known.ID);
      await this.#note(nodeId, (node) => ({
        ...node,
        ManagerStatus: { ...node.ManagerStatus, Reachability: 'reachable', Addr: addr },
      }));
      const { store, log } = this.#options;
      const warning = advice(votersAmong(store.view.all('node')).length);
      if (warning) log.warn({}, warning);
    });
  }

  /** The node is a manager no more. */
  leave(nodeId: string): Promise<void> {
    return this.#exclusively(async () => {
      const { state, nodeId: own } = this.#options;
      if (nodeId === own) {
        await state.seat?.resign();
        throw noLeader();
      }
      const node = this.#options.store.view.get('node', nodeId);
      const url = peerUrl(node?.Status.Addr ?? '', PEER_PORT);
      const members = (await state.seat?.client.memberList({ linearizable: true })) ?? [];
      for (const { ID, name, peerURLs } of members) {
        // One that has never started is known by its address alone, if a leader was killed as it was added.
        const isItself = name === nodeId || (name === '' && peerURLs.includes(url));
        if (isItself || ID === node?.internal.member) await removeMember(state.seat!.client, ID);
      }
      await this.#note(nodeId, ({ ManagerStatus: _, ...node }) => {
        const { member: _member, ...internal } = node.internal;
        return { ...node, internal };
      });
    });
  }

  /** This manager's seat among several, made if it was the only one; its node says so. */
  async #seat(): Promise<Seat> {
    const seat = await this.#haveSeat();
    const { nodeId } = this.#options;
    const { memberId } = seat.member;
    // It may have been killed before that was written.
    if (this.#node(nodeId).internal.member !== memberId)
      await this.#note(nodeId, (node) => ({ ...node, internal: { ...node.internal, member: memberId } }));
    return seat;
  }

  async #haveSeat(): Promise<Seat> {
    const { state, nodeId, address, authority, folders, fileKey, newId, decided } = this.#options;
    if (state.seat) return state.seat;
    try {
      await findEtcd();
    } catch (error) {
      throw new ApiError(503, `manager ${nodeId} cannot take in another one: ${(error as Error).message}`);
    }
    const { csr, key } = await requestPeer();
    const { certificate, roots } = await authority.certifyMember(nodeId, { csr, address: address() });
    await savePeer({ ...folders.peer, fileKey }, { certificate, key, roots });
    await state.replicate(newId(), decided);
    return state.seat!;
  }

  #requireManager(nodeId: string): void {
    if (this.#node(nodeId).Spec.Role !== 'manager')
      throw new ApiError(403, `node ${nodeId} is not a manager: promote it with "docker node promote" first`);
  }

  #node(nodeId: string): Node {
    const node = this.#options.store.view.get('node', nodeId);
    if (!node) throw new ApiError(403, `node ${nodeId} is not part of this swarm`);
    return node;
  }

  async #note(nodeId: string, change: (node: Node) => Node): Promise<void> {
    const { store, now } = this.#options;
    await store.commit((view) => {
      const node = view.get('node', nodeId);
      if (!node) return { changes: [] };
      const object = { ...change(node), UpdatedAt: timestamp(now()) };
      return { changes: [{ op: 'put', kind: 'node', object }] };
    });
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn
      .catch(() => {})
      .then(work)
      .catch((error: unknown) => {
        throw error instanceof PeersError ? new ApiError(409, error.message) : error;
      });
    this.#turn = turn;
    return turn;
  }
}
