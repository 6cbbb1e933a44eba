/** Writes what nodes ask and tell of containers that are no tasks, and waits for the addresses that the allocator gives. */
import {
  askedAttachment,
  attachableNetwork,
  refusal,
  reportedAttachments,
} from '../control/networks/attachments.ts';
import type { Clock } from '../model/clock.ts';
import { isNodeLocal } from '../model/node-local.ts';
import type { Attachment } from '../model/objects.ts';
import type { AttachAnswer, AttachedAnswer, AttachedReport, AttachRequest } from '../model/protocol.ts';
import type { Store, Transaction } from '../store/contract.ts';
import type { AttachmentDesk } from './contract.ts';

/** How long (ms) the allocator may take: it is never more than moments unless it fails. */
const PATIENCE = 10_000;

export interface AttachmentsOptions {
  store: Store;
  clock: Clock;
  newId(): string;
}

export class Attachments implements AttachmentDesk {
  readonly #options: AttachmentsOptions;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  async attach(nodeId: string, request: AttachRequest, signal: AbortSignal): Promise<AttachAnswer> {
    const { clock, store } = this.#options;
    const { ID, Spec } = attachableNetwork(store.view, request.network);
    if (isNodeLocal(Spec)) {
      return { networkId: ID, addresses: [], nodeLocal: { ID, Spec: { ...Spec, Name: Spec.Name ?? '' } } };
    }
    await store.commit((view) => {
      signal.throwIfAborted();
      return askedAttachment(view, nodeId, request, clock.now());
    });
    const settled = await this.#settled(request.id, signal);
    if (settled && settled.Addresses.length > 0) {
      return { networkId: settled.NetworkID, addresses: settled.Addresses };
    }
    await store.commit((view) => ({ changes: deletion(view.get('attachment', request.id)) }));
    const why = settled?.internal.lack ?? 'the manager has not given it an address in time';
    throw refusal(request.network, 'FailedPrecondition', why);
  }

  async attached(nodeId: string, report: AttachedReport, signal: AbortSignal): Promise<AttachedAnswer> {
    const { store, clock, newId } = this.#options;
    const { result: refused } = await store.commit((view) => {
      // An older session's word would undo what has been asked for since.
      signal.throwIfAborted();
      const { changes, refused } = reportedAttachments(view, nodeId, report, { now: clock.now(), newId });
      return { changes, result: refused };
    });
    return { refused };
  }

  /** The attachment once it is decided upon, or as it is when patience or the session is at its end. */
  async #settled(id: string, signal: AbortSignal): Promise<Attachment | undefined> {
    const { store, clock } = this.#options;
    const find = (): Attachment | undefined => store.view.get('attachment', id);
    const isSettled = (one = find()): boolean =>
      !one || one.Addresses.length > 0 || one.internal.lack !== undefined;
    if (isSettled()) return find();
    const { promise, resolve } = Promise.withResolvers<void>();
    const unwatch = store.watch(store.view.revision, () => isSettled() && resolve());
    const cancel = clock.timer(PATIENCE, resolve);
    const stop = (): void => resolve();
    signal.addEventListener('abort', stop);
    await promise.finally(() => {
      unwatch();
      cancel();
      signal.removeEventListener('abort', stop);
    });
    return find();
  }
}

function deletion(attachment: Attachment | undefined): Transaction['changes'] {
  if (!attachment) return [];
  return [{ op: 'delete', kind: 'attachment', id: attachment.ID, revision: attachment.Version.Index }];
}
