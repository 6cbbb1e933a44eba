/** How a node takes its leave: the manager stops counting on it, and its certificate is good for nothing afterwards. */
import type { NodeIdentity } from '../identity/node-identity.ts';
import { callLeader } from './leader.ts';

/** Tells the manager that leads, which is one of these (host:port) or is known to them. Throws as `callLeader`. */
export async function leaveCluster(
  identity: NodeIdentity,
  managers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await callLeader(identity, managers, signal, '/leave', {});
}
