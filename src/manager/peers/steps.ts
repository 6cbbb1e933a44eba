/**
 * How members of etcd come and go, step by step. Each step may be taken again after it was interrupted anywhere: it looks
 * first what there is. Their order, for a new one: it is added as a learner, it starts, it is promoted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type EtcdClient, EtcdError } from '../../store/etcd/client.ts';
import type { Member } from '../../store/etcd/member-messages.ts';
import { addition, refusal, taken } from './decide.ts';

/** A step that cannot be taken, and why. */
export class PeersError extends Error {
  override readonly name = 'PeersError';
}

export interface StepOptions {
  /** How long (ms) to try. */
  patience?: number;
  signal?: AbortSignal;
}

/** A member that has just started is not counted as well before five seconds have passed. */
const PATIENCE = 15_000;
/** A learner is sent all of the state before it may vote. */
const PROMOTE_PATIENCE = 60_000;
/** How long (ms) the lead may take to get to another member: an election, at the worst. */
const LEAD_PATIENCE = 3000;
const PAUSE = 100;
const LOOK = 20;

/**
 * Adds a learner that other members reach at that URL, or finds the one that was added and has not started.
 * @returns it, and all members, for its first start
 * @throws PeersError if another member has the URL, or another learner is still on its way; EtcdError
 */
export async function addLearner(
  client: EtcdClient,
  url: string,
  options: StepOptions = {},
): Promise<{ member: Member; members: Member[] }> {
  return tried(options, PATIENCE, async () => {
    const members = await client.memberList({ linearizable: true });
    const decided = addition(members, url);
    if (decided.refused !== undefined) throw new PeersError(decided.refused);
    if (decided.present) return { member: decided.present, members };
    const added = await client.memberAdd({ peerURLs: [url], isLearner: true });
    return { member: added.member!, members: added.members };
  });
}

/**
 * Makes a learner a voting member as soon as it knows what the others do. It learns of that itself a moment later.
 * @throws PeersError if there is no such member; EtcdError if it does not come so far
 */
export async function promoteWhenReady(
  client: EtcdClient,
  id: string,
  options: StepOptions = {},
): Promise<void> {
  await tried(options, PROMOTE_PATIENCE, async () => {
    try {
      await client.memberPromote({ ID: id });
    } catch (error) {
      switch (refusal(error)) {
        case 'no learner':
          return;
        case 'no member':
          throw new PeersError(`etcd has no member ${id} any more: it has to be added again`);
        default:
          throw error;
      }
    }
  });
}

/** Resolves when a member itself knows that it votes: only then can its state be read. `client` is of that member. */
export async function untilVoting(client: EtcdClient, options: StepOptions = {}): Promise<void> {
  await tried(options, PROMOTE_PATIENCE, async () => {
    if ((await client.status()).isLearner)
      throw new EtcdError('this manager’s etcd is still a learner', true);
  });
}

/**
 * Removes a member, which ends by itself then. If this one is to go and leads, the lead goes to another one first.
 * @throws PeersError if it leads and this is another one, or if it is the last; EtcdError, as "unhealthy cluster" if the
 *   others could not write without it
 */
export async function removeMember(client: EtcdClient, id: string, options: StepOptions = {}): Promise<void> {
  await tried(options, PATIENCE, async () => {
    const members = await client.memberList({ linearizable: true });
    const member = members.find(({ ID }) => ID === id);
    if (!member) return;
    const voters = members.filter(({ isLearner }) => !isLearner);
    if (!member.isLearner && voters.length === 1)
      throw new PeersError('the last manager’s etcd cannot be removed: it has the state of the swarm');
    const { leader, header } = await client.status();
    if (leader === id) {
      if (header?.member_id !== id)
        throw new PeersError(`member ${id} leads etcd: it has to hand the lead on first`);
      await handOver(client, undefined, options);
    }
    try {
      await client.memberRemove({ ID: id });
    } catch (error) {
      if (refusal(error) !== 'no member') throw error;
    }
  });
}

/**
 * Hands etcd's lead on to another voting member, to the preferred ones first if there are any: those that are known to be
 * there. Resolves with the new leader's id, at once if this member does not lead.
 * @throws PeersError if no other member takes it
 */
export async function handOver(
  client: EtcdClient,
  preferred: readonly string[] = [],
  { patience = LEAD_PATIENCE, signal }: StepOptions = {},
): Promise<string> {
  const deadline = performance.now() + patience;
  const me = (await client.status()).header!.member_id;
  const others = (await client.memberList({ linearizable: false })).filter(
    ({ ID, isLearner, name }) => ID !== me && !isLearner && name !== '',
  );
  const rank = ({ ID }: Member): number => (preferred.includes(ID) ? 0 : 1);
  for (const { ID } of others.sort((a, b) => rank(a) - rank(b))) {
    const { leader } = await client.status();
    if (leader !== me && leader !== '') return leader;
    await client.moveLeader({ targetID: ID }).catch((error) => {
      if (!(error instanceof EtcdError)) throw error;
    });
    while (performance.now() < deadline) {
      signal?.throwIfAborted();
      const now = (await client.status()).leader;
      if (now !== me && now !== '') return now;
      // It was not taken, and this member leads on: the next one.
      if (now === me) break;
      await delay(LOOK, undefined, { signal });
    }
  }
  const { leader } = await client.status();
  if (leader !== me && leader !== '') return leader;
  throw new PeersError('no other manager’s etcd takes the lead: too few of them may be online');
}

/** Stands for that URL while another member has it: nobody answers there, and nobody else is said to be there. */
function nowhere(url: string): string {
  return url.replace(/:\d+$/, ':0');
}

/**
 * Tells the others a member's new address, through itself: it has been started with it already. Nothing is done if they
 * know it. If another member has it, the old one is given up all the same, so that two may change places: to be tried again.
 * @throws PeersError if another member has that address, or it is a learner, which etcd would make a voting one by this;
 *   EtcdError
 */
export async function changeAddress(
  client: EtcdClient,
  id: string,
  url: string,
  options: StepOptions = {},
): Promise<void> {
  await tried(options, PATIENCE, async () => {
    const members = await client.memberList({ linearizable: true });
    const member = members.find(({ ID }) => ID === id);
    if (!member) throw new PeersError(`etcd has no member ${id} any more: it has to be added again`);
    if (member.peerURLs.length === 1 && member.peerURLs[0] === url) return;
    if (member.isLearner)
      throw new PeersError(
        `member ${id} is a learner, whose address cannot be changed: remove it, and add it again`,
      );
    const other = members.find(({ ID, peerURLs }) => ID !== id && peerURLs.includes(url));
    if (other) {
      // That one may have moved as well, to where this one was. It gets that only when this one has let go of it.
      if (!member.peerURLs.includes(nowhere(url)))
        await client.memberUpdate({ ID: id, peerURLs: [nowhere(url)] });
      throw new PeersError(taken(other, url));
    }
    await client.memberUpdate({ ID: id, peerURLs: [url] });
  });
}

/** After a start with `forceNew`: what is left of the others, learners that older versions leave in, is removed. */
export async function removeOthers(client: EtcdClient, options: StepOptions = {}): Promise<void> {
  const me = (await client.status()).header!.member_id;
  const members = await client.memberList({ linearizable: true });
  for (const { ID } of members.filter(({ ID }) => ID !== me)) await removeMember(client, ID, options);
}

/** Tries until it is done, or etcd has refused for good, or time is up; then with etcd's last word. */
async function tried<T>(
  { patience, signal }: StepOptions,
  usual: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + (patience ?? usual);
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EtcdError) || refusal(error) === 'for good' || performance.now() > deadline)
        throw error;
    }
    await delay(PAUSE, undefined, { signal });
  }
}
