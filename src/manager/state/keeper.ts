/** Keeps the managers as the nodes' specs have them, while this one leads. */
import { type Clock, timestamp } from '../../model/clock.ts';
import type { Node } from '../../model/objects.ts';
import type { Change, Store, View } from '../../store/contract.ts';

export interface KeeperOptions {
  store: Store;
  nodeId: string;
  clock: Clock;
  /** Takes a node's place among the managers away. */
  leave(nodeId: string): Promise<void>;
  /** Leaves the lead to another manager. */
  resign(): void;
  /** Gives the lead to a manager of one of these members, or leads on. */
  handOver(members: readonly string[]): Promise<unknown>;
  onError(error: unknown): void;
  signal: AbortSignal;
}

/** How long (ms) until what could not be done is tried again. */
const AGAIN = 2_000;

/** Who has a place among the managers and is none any more by its spec. */
export function demoted(view: View): string[] {
  return [...view.all('node')].flatMap(({ ID, Spec, ManagerStatus, internal }) =>
    (ManagerStatus || internal.member) && Spec.Role !== 'manager' ? [ID] : [],
  );
}

/**
 * Members of the managers that are to lead instead of that one, since its host is drained: those that can be reached and
 * are not drained themselves. None: it leads on.
 */
export function heirs(view: View, leader: string): string[] {
  const node = view.get('node', leader);
  if (node?.Spec.Availability !== 'drain') return [];
  return capable(view).flatMap(({ ID, internal }) => (ID === leader ? [] : (internal.member ?? [])));
}

/** The managers that another one would best leave the lead to. */
export function capable(view: View): Node[] {
  return [...view.managers()].filter(
    ({ Spec, ManagerStatus }) =>
      ManagerStatus?.Reachability === 'reachable' && Spec.Role === 'manager' && Spec.Availability !== 'drain',
  );
}

/** The nodes as they are when that manager leads. */
export function ledBy(view: View, leader: string, now: number): Change[] {
  const changes: Change[] = [];
  for (const node of view.all('node')) {
    if (!node.ManagerStatus || (node.ManagerStatus.Leader === true) === (node.ID === leader)) continue;
    const { Leader: _, ...rest } = node.ManagerStatus;
    const ManagerStatus: Node['ManagerStatus'] = node.ID === leader ? { Leader: true, ...rest } : rest;
    changes.push({
      ...{ op: 'put', kind: 'node' },
      object: { ...node, UpdatedAt: timestamp(now), ManagerStatus },
    });
  }
  return changes;
}

/** Runs until aborted. */
export async function keepManagers(options: KeeperOptions): Promise<void> {
  const { store, nodeId, clock, leave, resign, handOver, onError, signal } = options;
  let stir = (): void => {};
  const unwatch = store.watch(store.view.revision, ({ events }) => {
    if (events.some(({ kind }) => kind === 'node')) stir();
  });
  try {
    while (!signal.aborted) {
      const stirred = new Promise<void>((resolve) => {
        stir = resolve;
      });
      let failed = false;
      try {
        await store.commit((view) => ({ changes: ledBy(view, nodeId, clock.now()) }));
        const gone = demoted(store.view);
        // The one that leads is taken out by its successor.
        if (gone.includes(nodeId)) resign();
        for (const id of gone) if (id !== nodeId) await leave(id);
        const others = heirs(store.view, nodeId);
        // If none of them takes it, the next change of a node is soon enough: while it is offered nothing can be written.
        if (others.length > 0) await handOver(others).catch(onError);
      } catch (error) {
        failed = true;
        if (!signal.aborted) onError(error);
      }
      await untilStirred(stirred, failed ? AGAIN : undefined, clock, signal);
    }
  } finally {
    unwatch();
  }
}

async function untilStirred(
  stirred: Promise<void>,
  most: number | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  signal.addEventListener('abort', done, { once: true });
  const cancel = most === undefined ? undefined : clock.timer(most, done);
  await Promise.race([stirred, promise]);
  cancel?.();
  signal.removeEventListener('abort', done);
}
