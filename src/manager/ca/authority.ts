/** The certificate authority of a running manager: the rules of this folder, applied to its store. */
import type { Clock } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster, Node } from '../../model/objects.ts';
import type { IssueAnswer } from '../../model/protocol.ts';
import { ConflictError, type Store, type View } from '../../store/contract.ts';
import { CommitQueue } from '../commit-queue.ts';
import type { Authority } from '../contract.ts';
import type { Rest } from '../rest.ts';
import { theCluster, trustedRoots } from './cluster.ts';
import type { ExternalAuthorities } from './external.ts';
import { certify, certifyMember, checkManagerAddress, joiningNode } from './issue.ts';
import { finishRotation } from './rotation.ts';
import { withKeyShown } from './unlock.ts';
import { updatedCluster } from './update.ts';

/** The most nodes written in one transaction, and milliseconds between two of these: many hosts may join at once. */
const COMMIT_LIMIT = 100;
const PAUSE = 20;

/** A node that is to be written, and the revision of the cluster that has let it in. */
interface Joining {
  node: Node;
  cluster: number;
}

export interface AuthorityOptions {
  store: Store;
  clock: Clock;
  external: ExternalAuthorities;
  rest: Rest;
  newId(): string;
  /** Told when a rotation could not be finished; the next change of a node tries again. */
  onError(error: unknown): void;
}

export function createAuthority(options: AuthorityOptions): Authority {
  const { store, clock, external, rest, newId, onError } = options;
  const joining = new CommitQueue<Joining>({
    ...{ store, clock, rest, limit: COMMIT_LIMIT, pause: PAUSE },
    merge: (_, later) => later,
    change: (view, _, { node, cluster }) => {
      if (theCluster(view).Version.Index !== cluster) return undefined;
      // What becomes of it makes no user's update stale from the first one on.
      const internal = { ...node.internal, specAfter: view.revision };
      return { op: 'put', kind: 'node', object: { ...node, internal } };
    },
  });
  let closed = false;
  let finishing: Promise<void> | undefined;

  /** Ends a rotation that has come through. A change while this writes is looked at afterwards. */
  function finish(): void {
    if (closed || finishing !== undefined || rotated(store.view) === undefined) return;
    finishing = write().then((again) => {
      finishing = undefined;
      if (again) finish();
    });
  }

  /** True if it is worth looking again at once. */
  async function write(): Promise<boolean> {
    try {
      await store.commit((view) => {
        const object = rotated(view);
        return { changes: object ? [{ op: 'put', kind: 'cluster', object }] : [] };
      });
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }

  const unwatch = store.watch(store.view.revision, (commit) => {
    if (commit.events.some((event) => event.kind === 'cluster' || event.kind === 'node')) finish();
  });
  finish();

  /** Writes a node, if the cluster (its tokens, its root) is still the one that it was let in by. Throws ConflictError. */
  async function enter(node: Node, { ID, Version }: Cluster): Promise<void> {
    await joining.add(node.ID, { node, cluster: Version.Index });
    if (store.view.get('node', node.ID)) return;
    const compare = { kind: 'cluster', id: ID, revision: Version.Index } as const;
    throw new ConflictError(compare, theCluster(store.view).Version.Index);
  }

  function nodeOf(nodeId: string): Node {
    const node = store.view.get('node', nodeId);
    if (node === undefined || node.internal.left)
      throw new ApiError(403, `node ${nodeId} is not part of this cluster`);
    return node;
  }

  return {
    roots: () => trustedRoots(theCluster(store.view)),
    issue: (request, remoteAddr) =>
      again(async (): Promise<IssueAnswer> => {
        const cluster = theCluster(store.view);
        const now = clock.now();
        const node = joiningNode(cluster, request, { id: newId(), remoteAddr, now });
        if (node.Spec.Role === 'manager') checkManagerAddress(store.view.all('node'), node.Status.Addr!);
        const answer = await certify(cluster, node, request.csr, now, external);
        await enter(node, cluster);
        return answer;
      }),
    async renew(nodeId, request) {
      return certify(theCluster(store.view), nodeOf(nodeId), request.csr, clock.now(), external);
    },
    async certifyMember(nodeId, request) {
      return certifyMember(theCluster(store.view), nodeOf(nodeId), request, clock.now(), external);
    },
    async revoke(nodeId) {
      await store.commit((view) => {
        const node = view.get('node', nodeId);
        if (node === undefined || node.internal.left) return { changes: [] };
        // A manager that has left is none any more, and may be removed like any other node.
        const Spec = { ...node.Spec, Role: 'worker' };
        const object = { ...node, Spec, internal: { ...node.internal, left: true } };
        return { changes: [{ op: 'put', kind: 'node', object }] };
      });
    },
    updateCluster: (update) =>
      again(async () => {
        const next = await updatedCluster(theCluster(store.view), update, clock.now(), external);
        await store.commit({ changes: [{ op: 'put', kind: 'cluster', object: next }] });
      }),
    async unlockKey() {
      await store.commit((view) => {
        const object = withKeyShown(theCluster(view));
        return { changes: object ? [{ op: 'put', kind: 'cluster', object }] : [] };
      });
      return theCluster(store.view).internal.unlock?.key ?? '';
    },
    async close() {
      closed = true;
      unwatch();
      joining.close(new ApiError(503, 'the manager is stopping'));
      await finishing;
    },
  };
}

/** The cluster with its rotation ended, if that is due. */
function rotated(view: View): Cluster | undefined {
  const [cluster] = view.all('cluster');
  return cluster && finishRotation(cluster, view.all('node'));
}

/**
 * Decides anew if something was written meanwhile, which only happens when clients press at the same moment. For what
 * has to wait for cryptography, and so cannot be decided while the store commits.
 */
async function again<T>(decide: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
