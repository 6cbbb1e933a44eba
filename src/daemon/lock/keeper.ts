/**
 * Has a manager's own files encrypted as the cluster wants it. It follows the cluster object, so every manager does so by
 * itself, whoever has changed the unlock key.
 */
import { existsSync } from 'node:fs';
import type { NodeIdentity } from '../../identity/node-identity.ts';
import { unlockKeys } from '../../manager/ca/unlock.ts';
import { protectPeer } from '../../manager/members/kept-peer.ts';
import type { Store } from '../../store/contract.ts';
import { lockDataKey, unlockDataKey } from '../../store/encoding/data-key.ts';
import { newFileKey, readLock, removeLock, writeLock } from './lock-file.ts';

export interface GuardedFiles {
  /** The swarm folder. */
  folder: string;
  identity: NodeIdentity;
  /** Path of the data key. */
  dataKey: string;
  /** Path of the certificate for etcd; there only on one of several managers. */
  peer: string;
}

export class LockKeeper {
  readonly #files: GuardedFiles;
  #fileKey: Buffer | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** @param fileKey what the files are encrypted with, if there is a lock */
  constructor(files: GuardedFiles, fileKey: Buffer | undefined) {
    this.#files = files;
    this.#fileKey = fileKey;
  }

  get fileKey(): Buffer | undefined {
    return this.#fileKey;
  }

  /** Follows the store until the returned function is called. `onError` is told why the files are not as they should be. */
  follow(store: Store, onError: (error: unknown) => void): () => void {
    const settle = (): void => void this.settle(store).catch(onError);
    const unwatch = store.watch(store.view.revision, ({ events }) => {
      // Whoever has asked for the key is answered before the old way in is closed.
      if (events.some(({ kind }) => kind === 'cluster')) setImmediate(settle);
    });
    settle();
    return unwatch;
  }

  /** Resolves when the files are as the store's cluster wants them. */
  settle(store: Store): Promise<void> {
    return this.#inTurn(async () => {
      for (const cluster of store.view.all('cluster')) await this.#apply(unlockKeys(cluster));
    });
  }

  /** Resolves when nothing is being written any more. */
  idle(): Promise<void> {
    return this.#turn;
  }

  /** The host is a manager no longer: its files need no key. If it has left the swarm there are none. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      if (existsSync(this.#files.folder)) await this.#apply([]);
    });
  }

  /** Any kill in between leaves files that are plain, or a lock that each of the keys of before and after opens. */
  async #apply(keys: readonly string[]): Promise<void> {
    const { folder, identity, dataKey, peer } = this.#files;
    const lock = readLock(folder);
    if (keys.length === 0) {
      if (this.#fileKey) unlockDataKey(dataKey, this.#fileKey);
      await identity.protect(undefined);
      await protectPeer(peer, undefined, this.#fileKey);
      removeLock(folder);
      this.#fileKey = undefined;
      return;
    }
    this.#fileKey ??= newFileKey();
    if (lock?.keys !== keys.length || !keys.every((key) => lock.open(key)))
      writeLock(folder, this.#fileKey, keys);
    // A kill may have come before that the last time.
    lockDataKey(dataKey, this.#fileKey);
    await identity.protect(this.#fileKey);
    await protectPeer(peer, this.#fileKey, undefined);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
