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
  /** The host's engine does not answer its daemon. */
  engineAway?: boolean;
  status?: Status;
}

interface Status {
  state: NodeState;
  message?: string;
}

const WITHOUT_ENGINE: Status = { state: 'unknown', message: 'the engine of the host does not answer' };

/** Nobody sees what becomes of the containers of the host, and it can run no new ones; for how long has a limit. */
export function waitsForEngine({ Status, internal }: Node): boolean {
  return Status.State === 'unknown' && internal.engineAway === true;
}

/** The node with the facts, or undefined if they change nothing. `now`: milliseconds since the epoch. */
export function applyFacts(node: Node | undefined, facts: NodeFacts, now: number): Node | undefined {
  if (!node) return undefined;
  const { state, message } = statusAfter(node, facts);
  const changed: Node = {
    ...node,
    UpdatedAt: timestamp(now),
    Description: facts.description ?? node.Description,
    Status: {
      State: state,
      ...(message === undefined ? {} : { Message: message }),
      Addr: facts.addr ?? node.Status.Addr,
    },
    ...(node.ManagerStatus && {
      ManagerStatus: { ...node.ManagerStatus, Reachability: reachability(node, state) },
    }),
    internal: {
      ...node.internal,
      downSince: downSince(node, state, now),
      dataPathAddr: (facts.dataPathAddr ?? node.internal.dataPathAddr) || undefined,
      tunnelKey: facts.tunnelKey ?? node.internal.tunnelKey,
      engineAway: facts.engineAway ?? node.internal.engineAway,
    },
  };
  if (changed.internal.downSince === undefined) delete changed.internal.downSince;
  if (changed.internal.dataPathAddr === undefined) delete changed.internal.dataPathAddr;
  if (changed.internal.tunnelKey === undefined) delete changed.internal.tunnelKey;
  if (!changed.internal.engineAway) delete changed.internal.engineAway;
  const same =
    isDeepStrictEqual(changed.Description, node.Description) &&
    isDeepStrictEqual(changed.Status, node.Status) &&
    changed.ManagerStatus?.Reachability === node.ManagerStatus?.Reachability &&
    changed.internal.dataPathAddr === node.internal.dataPathAddr &&
    changed.internal.tunnelKey === node.internal.tunnelKey &&
    changed.internal.engineAway === node.internal.engineAway;
  return same ? undefined : changed;
}

/** Of a manager, by its host's state; the one that leads is where this is decided. */
function reachability({ ManagerStatus }: Node, state: NodeState): 'reachable' | 'unreachable' {
  return state === 'ready' || ManagerStatus?.Leader ? 'reachable' : 'unreachable';
}

/** A host without its engine is not ready, and stays down if it was. One that is being switched off only goes. */
function statusAfter({ Status, internal }: Node, facts: NodeFacts): Status {
  const before: Status = {
    state: Status.State,
    ...(Status.Message !== undefined && { message: Status.Message }),
  };
  const [wasAway, isAway] = [internal.engineAway ?? false, facts.engineAway ?? internal.engineAway ?? false];
  const goes = Status.State === 'disconnected' || internal.left === true;
  const given: Status = facts.status ?? (wasAway === isAway || goes ? before : { state: 'ready' });
  if (given.state !== 'ready' || !isAway) return given;
  return Status.State === 'down' ? before : WITHOUT_ENGINE;
}

function downSince(node: Node, state: NodeState, now: number): number | undefined {
  if (state !== 'down') return undefined;
  return node.Status.State === 'down' ? node.internal.downSince : now;
}
