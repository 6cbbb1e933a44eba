/**
 * A member that was cut off for long finds the others again late, since its connections wait for TCP: it is started anew
 * when they can be reached for some time and it still knows of no leader.
 */
import { connect } from 'node:net';
import { type Clock, pause } from '../../model/clock.ts';
import { quorum } from '../../model/quorum.ts';
import { EtcdError } from '../../store/etcd/client.ts';
import type { Member } from '../members/member.ts';

export interface ReuniteOptions {
  member: Pick<Member, 'client' | 'memberId' | 'restart'>;
  clock: Clock;
  signal: AbortSignal;
  log: { warn(fields: object, message: string): void };
}

/** Milliseconds between looks. */
const LOOK = 500;
/** How long (ms) there has to be no leader while the others can be reached: an election takes less. */
const WITHOUT_LEADER = 2500;
/** Milliseconds between two starts at least. */
const APART = 20_000;
/** How long (ms) another member's port may take to accept a connection. */
const REACH = 500;

/** Looks after it until aborted. */
export async function reunite({ member, clock, signal, log }: ReuniteOptions): Promise<void> {
  let since: number | undefined;
  let restarted = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    await pause(clock, LOOK, signal);
    if (signal.aborted) return;
    try {
      const { leader, isLearner } = await member.client.status();
      // Only voters notice that there is no leader, and only they are needed for one.
      const lost = leader === '' && !isLearner && (await enoughAreThere(member));
      since = lost ? (since ?? clock.now()) : undefined;
      if (since === undefined || clock.now() - since < WITHOUT_LEADER || clock.now() - restarted < APART)
        continue;
      log.warn({}, 'the other managers can be reached, and etcd has not noticed it: it is started anew');
      restarted = clock.now();
      since = undefined;
      await member.restart();
    } catch (error) {
      // It does not answer just now, or is about to end: its owner looks after that.
      if (!(error instanceof EtcdError)) log.warn({ err: error }, 'etcd could not be started anew');
    }
  }
}

async function enoughAreThere({ client, memberId }: ReuniteOptions['member']): Promise<boolean> {
  const voters = (await client.memberList({ linearizable: false })).filter(({ isLearner }) => !isLearner);
  const there = await Promise.all(
    voters.map(({ ID, peerURLs }) => (ID === memberId ? true : isThere(peerURLs[0] ?? ''))),
  );
  return there.filter(Boolean).length >= quorum(voters.length);
}

function isThere(url: string): Promise<boolean> {
  if (!URL.canParse(url)) return Promise.resolve(false);
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), timeout: REACH });
  socket.on('connect', () => resolve(true));
  socket.on('timeout', () => resolve(false));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
