/** Who may ask the cluster: only an active manager answers, everyone else says so in Docker's words. */
import { ApiError, noLeader } from '../../model/errors.ts';
import { NotLeadingError } from '../../store/store-error.ts';
import type { ManagerFace, Membership } from '../contract.ts';

const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
/** What a worker is told. */
export const WORKER =
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";
/** What is said of a manager whose files need a key. */
export const LOCKED =
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';

/** What a host is told that has no manager: a worker, or one outside of any swarm. */
export type Refusal = (isWorker: boolean) => ApiError;
const unavailable: Refusal = (isWorker) => new ApiError(503, isWorker ? WORKER : NOT_A_MANAGER);
/** Docker's answer to who wants a network of the swarm there. */
export const forbidden: Refusal = () => new ApiError(403, NOT_A_MANAGER);

/** The manager on this host. Throws `refusal` if there is none, ApiError 503 if it is locked or waits for the others. */
export function managerOf(membership: Membership, refusal = unavailable): ManagerFace {
  const manager = membership.manager();
  if (manager) {
    manager.leader.requireCurrent();
    return manager;
  }
  const { state, isWaiting } = membership.status();
  if (isWaiting) throw noLeader();
  if (state === 'locked') throw new ApiError(503, LOCKED);
  throw refusal(state === 'active');
}

/**
 * The manager on this host, for what changes the state. Throws as `managerOf`, and NotLeadingError on a manager that does
 * not lead, before anything is done: the server then passes the request on.
 */
export function leaderOf(membership: Membership, refusal = unavailable): ManagerFace {
  const manager = managerOf(membership, refusal);
  if (!manager.leader.isHere()) throw new NotLeadingError();
  return manager;
}
