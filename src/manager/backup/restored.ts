/** What the objects of a backup become as one host takes them up as the swarm's only manager. */
import { timestamp } from '../../model/clock.ts';
import type { Node } from '../../model/objects.ts';
import { newNode } from '../ca/issue.ts';
import type { BackupContents, StoredObject } from './contents.ts';

/** More than any cluster has written in a second. */
const REVISIONS_PER_SECOND = 10_000;
const MARGIN = 1_000_000;

/** The host that restores. */
export interface RestoringHost {
  hostname: string;
  addr: string;
  /** `host:port` of its cluster port. */
  managerAddr: string;
  /** The nodes whose tasks its engine has, most of them first. */
  nodesOfTasks: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** Clients have seen no version beyond this one, whatever was written after the backup. */
export function versionBefore({ header }: BackupContents, now: number): number {
  const seconds = Math.max(0, Math.ceil((now - Date.parse(header.created)) / 1000));
  return header.revision + MARGIN + seconds * REVISIONS_PER_SECOND;
}

/** Which node of the backup the host was: that of the tasks on its engine, or else of its name and address. */
export function nodeOfHost({ objects }: BackupContents, host: RestoringHost): Node | undefined {
  const nodes = objects.flatMap((each) => (each.kind === 'node' ? [each.object] : []));
  const byTasks = host.nodesOfTasks.map((id) => nodes.find(({ ID }) => ID === id)).find(Boolean);
  return (
    byTasks ??
    nodes.find(
      ({ Description, Status }) => Description?.Hostname === host.hostname && Status.Addr === host.addr,
    )
  );
}

/**
 * The objects to be written, and the node among them that the host is. The other managers are workers: they were managers of
 * a cluster that is no more, and take part again if they are still there. The only one is gone if this host was none of its
 * nodes, and so takes its place. Tasks of theirs are made up for as those of any node that was removed.
 */
export function restoredObjects(
  contents: BackupContents,
  host: RestoringHost,
  newId: () => string,
): { objects: StoredObject[]; node: Node } {
  const { now, managerAddr } = host;
  const specAfter = versionBefore(contents, now);
  const was = nodeOfHost(contents, host);
  const base = was ?? newNode({ id: newId(), role: 'manager', addr: host.addr, now });
  const node: Node = {
    ...base,
    UpdatedAt: timestamp(now),
    Spec: { ...base.Spec, Role: 'manager' },
    Status: { ...base.Status, Addr: host.addr },
    ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: managerAddr },
    internal: { ...base.internal, member: undefined },
  };
  const managers = contents.objects.filter((each) => each.kind === 'node' && isManager(each.object)).length;
  const objects = contents.objects.flatMap((each): StoredObject[] => {
    switch (each.kind) {
      case 'node': {
        const { object } = each;
        if (object.ID === node.ID) return [{ kind: 'node', object: versioned(node, specAfter) }];
        if (!isManager(object)) return [{ kind: 'node', object: versioned(object, specAfter) }];
        return managers > 1 ? [{ kind: 'node', object: versioned(asWorker(object), specAfter) }] : [];
      }
      case 'service':
        return [{ kind: 'service', object: versioned(each.object, specAfter) }];
      default:
        return [each];
    }
  });
  if (!was) objects.push({ kind: 'node', object: node });
  return { objects, node };
}

function isManager({ Spec, ManagerStatus }: Node): boolean {
  return Spec.Role === 'manager' || ManagerStatus !== undefined;
}

/** What is left of a manager whose cluster goes on without it. */
export function asWorker({ ManagerStatus: _, ...node }: Node): Node {
  const { member: _member, ...internal } = node.internal;
  return { ...node, Spec: { ...node.Spec, Role: 'worker' }, internal };
}

/** Who has seen it at any version of before has to read it again. */
function versioned<T extends { internal: { specAfter?: number } }>(object: T, specAfter: number): T {
  if (object.internal.specAfter === undefined) return object;
  return { ...object, internal: { ...object.internal, specAfter } };
}
