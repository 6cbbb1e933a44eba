/** How a node takes its leave: the manager stops counting on it, and its certificate is good for nothing afterwards. */
import type { NodeIdentity } from '../identity/node-identity.ts';
import { callAny } from './wire.ts';

/** Tells the first manager (host:port) that can be reached. Throws if none can, or the signal's reason. */
export async function leaveCluster(
  identity: NodeIdentity,
  managers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await callAny(identity, managers, signal, '/leave', {});
}
