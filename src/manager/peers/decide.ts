/** What etcd's refusals mean for a change of its members, and what there is to be done for one that joins. */
import { EtcdError } from '../../store/etcd/client.ts';
import type { Member } from '../../store/etcd/member-messages.ts';

export type Refusal =
  /** It votes already. */
  | 'no learner'
  | 'no member'
  /** Asking again changes nothing. */
  | 'for good'
  /** Not now: a member has just started, a learner has not caught up, there is no leader, nobody has answered. */
  | 'for now';

/** The learner that is not in sync has the text of the member that is none, and more. */
const MEANINGS: ReadonlyArray<[RegExp, Refusal]> = [
  [/in sync with leader/, 'for now'],
  [/can only promote a learner member/, 'no learner'],
  [/member not found/, 'no member'],
  [/Peer URLs already exists|bad member URLs|member ID already exist/i, 'for good'],
];

export function refusal(error: unknown): Refusal | undefined {
  if (!(error instanceof EtcdError)) return undefined;
  return MEANINGS.find(([text]) => text.test(error.message))?.[1] ?? 'for now';
}

export interface Addition {
  /** Why it cannot be added. */
  refused?: string;
  /** It was added before, and has not started. */
  present?: Member;
}

/** What there is to be done for a member at that URL: nothing that speaks against it, and nothing present: it is added. */
export function addition(members: readonly Member[], url: string): Addition {
  const present = members.find(({ peerURLs }) => peerURLs.includes(url));
  if (present?.isLearner && present.name === '') return { present };
  if (present) return { refused: taken(present, url) };
  // etcd takes one at a time. Whether that one still comes is not for etcd to say.
  const learner = members.find(({ isLearner }) => isLearner);
  if (!learner) return {};
  const who = learner.name || learner.peerURLs.join(', ');
  return {
    refused: `manager ${who} is about to join, and only one can at a time: try again when it has, or demote it if it does not come`,
  };
}

export function taken({ name, ID }: Member, url: string): string {
  return `manager ${name || ID} has the address ${url} already: let this host advertise another one (--advertise-addr), or demote that manager`;
}
