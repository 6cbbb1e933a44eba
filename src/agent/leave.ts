import type { NodeIdentity } from '../identity/node-identity.ts';
import { call, connectAs } from './wire.ts';

/** Tells a manager that this node leaves. @throws the last manager's error if none takes it */
export async function leaveCluster(
  identity: NodeIdentity,
  managers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let last: unknown = new Error('no manager is known');
  for (const address of managers) {
    try {
      const session = await connectAs(identity, address, signal);
      try {
        await call(session, 'POST', '/leave', {});
        return;
      } finally {
        session.destroy();
      }
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
