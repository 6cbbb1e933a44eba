/** What a manager finds out about a node, and the node with it: rules only. */
import { isDeepStrictEqual } from 'node:util';
import { timestamp } from '../../model/clock.ts';
import type { Node, NodeDescription, NodeState } from '../../model/objects.ts';

/** Absent: nothing new about it. */
export interface NodeFacts {
  description?: NodeDescription;
  addr?: string;
  /** Empty: the same as addr. */
  dataPathAddr?: string;
  tunnelKey?: string;
  status?: { state: NodeState; message?: string };
}

/** The node with the facts, or undefined if they change nothing. `now`: milliseconds since the epoch. */
export function applyFacts(node: Node | undefined, facts: NodeFacts, now: number): Node | undefined {
  if (!node) return undefined;
  const state = facts.status?.state ?? node.Status.State;
  const message = facts.status ? facts.status.message : node.Status.Message;
  const changed: Node = {
    ...node,
    UpdatedAt: timestamp(now),
    Description: facts.description ?? node.Description,
    Status: {
      State: state,
      ...(message === undefined ? {} : { Message: message }),
      Addr: facts.addr ?? node.Status.Addr,
    },
    internal: {
      ...node.internal,
      downSince: downSince(node, state, now),
      dataPathAddr: (facts.dataPathAddr ?? node.internal.dataPathAddr) || undefined,
      tunnelKey: facts.tunnelKey ?? node.internal.tunnelKey,
    },
  };
  if (changed.internal.downSince === undefined) delete changed.internal.downSince;
  if (changed.internal.dataPathAddr === undefined) delete changed.internal.dataPathAddr;
  if (changed.internal.tunnelKey === undefined) delete changed.internal.tunnelKey;
  const same =
    isDeepStrictEqual(changed.Description, node.Description) &&
    isDeepStrictEqual(changed.Status, node.Status) &&
    changed.internal.dataPathAddr === node.internal.dataPathAddr &&
    changed.internal.tunnelKey === node.internal.tunnelKey;
  return same ? undefined : changed;
}

function downSince(node: Node, state: NodeState, now: number): number | undefined {
  if (state !== 'down') return undefined;
  return node.Status.State === 'down' ? node.internal.downSince : now;
}
