/** Sessions of the registry's key–value store end when nobody renews them, and let go of what they have. */
import type { RegistryKey, RegistrySession } from '../model/registry-objects.ts';
import type { Change, View } from '../store/contract.ts';
import type { ObjectPlanner } from './contract.ts';

/** As with Consul, a session ends between one and two times its time to live after it was last renewed. */
const GRACE = 2;
/** Keys that change in one transaction. */
const BATCH = 50;

export const planRegistrySession: ObjectPlanner = (view, id, { now }) => {
  const session = view.get('registrySession', id);
  if (session?.ttl === undefined) return { changes: [] };
  const end = session.renewedAt + session.ttl * GRACE;
  if (now < end) return { changes: [], wakeAt: end };
  const { changes, more } = endOfSession(view, session, now);
  return { changes, more };
};

/** What ends a session; `more`: it has further keys, so it is there still. */
export function endOfSession(
  view: View,
  session: RegistrySession,
  now: number,
): { changes: Change[]; more: boolean } {
  const held = [...view.all('registryKey')].filter((key) => key.session === session.ID);
  const changes = held.slice(0, BATCH).map((key) => withoutSession(key, session, now));
  const more = held.length > BATCH;
  if (more) return { changes, more };
  const { ID: id, Version } = session;
  return {
    changes: [...changes, { op: 'delete', kind: 'registrySession', id, revision: Version.Index }],
    more,
  };
}

function withoutSession(key: RegistryKey, { behavior, lockDelay }: RegistrySession, now: number): Change {
  if (behavior === 'delete')
    return { op: 'delete', kind: 'registryKey', id: key.ID, revision: key.Version.Index };
  const { session: _, ...rest } = key;
  const created = key.created ?? key.Version.Index;
  const delay = lockDelay > 0 ? { delayedUntil: now + lockDelay } : {};
  return { op: 'put', kind: 'registryKey', object: { ...rest, created, ...delay } };
}
