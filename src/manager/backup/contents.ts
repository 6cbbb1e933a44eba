/** What is in a backup: all objects of the store as they were at one revision. */
import { timestamp } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import type { Change, Kind, Kinds, View } from '../../store/contract.ts';
import { type BackupHeader, openArchive, sealArchive } from './archive.ts';

/** Whether objects of a kind are in a backup, in the order in which they are written; each kind in order of creation. */
const WANTED: Readonly<Record<Kind, boolean>> = {
  ...{ cluster: true, node: true, network: true, credential: true, secret: true, config: true },
  ...{ oldContent: true, service: true, task: true, attachment: true },
  ...{ user: true, accessToken: true, stackRevision: true, auditEntry: true },
  ...{ registrySession: true, registryKey: true },
  // Who has signed out since must not be signed in again, and what has moved since must not be made a second time.
  ...{ session: false, keepsake: false },
};
const KINDS = (Object.keys(WANTED) as Kind[]).filter((kind) => WANTED[kind]);
/** Objects that are made into text at a time. */
const SLICE = 100;

export type StoredObject = { [K in Kind]: { kind: K; object: Kinds[K] } }[Kind];

export interface BackupContents {
  header: BackupHeader;
  objects: StoredObject[];
}

/**
 * A backup of what the view shows now: objects are never changed in place, so what is written meanwhile is not in it.
 * @param nodeId of the manager here
 * @param passphrase absent: the unlock key, if the swarm's managers are locked. @throws ApiError 400 without either
 */
export function createBackup(
  view: View,
  { nodeId, now, passphrase }: { nodeId: string; now: number; passphrase: string | undefined },
): AsyncIterable<Buffer> {
  const objects = KINDS.flatMap((kind) => [...view.all(kind)].map((object) => ({ kind, object })));
  const [cluster] = view.all('cluster');
  if (!cluster) throw new ApiError(503, 'this manager has no cluster yet: try again in a moment');
  const { unlock } = cluster.internal;
  const secret = passphrase || (unlock?.shown ? unlock.key : undefined);
  if (!secret)
    throw new ApiError(
      400,
      'a backup has all secrets of the swarm and its keys, so it is encrypted: give a passphrase with --passphrase-file, or lock the swarm ("docker swarm update --autolock=true") for its unlock key to be used',
    );
  const header: BackupHeader = {
    created: timestamp(now),
    cluster: cluster.ID,
    host: view.get('node', nodeId)?.Description?.Hostname ?? '',
    revision: view.revision,
    objects: Object.fromEntries(KINDS.map((kind) => [kind, view.count(kind)])),
    secret: passphrase ? 'passphrase' : 'unlock key',
  };
  return sealArchive(header, secret, linesOf(objects));
}

function* linesOf(objects: readonly object[]): Generator<string> {
  for (let from = 0; from < objects.length; from += SLICE)
    yield objects
      .slice(from, from + SLICE)
      .map((each) => `${JSON.stringify(each)}\n`)
      .join('');
}

/** @throws ApiError 400 as openArchive, or if what is in it is not what its header says */
export async function readBackup(file: Buffer, secret: string): Promise<BackupContents> {
  const { header, text } = await openArchive(file, secret);
  const objects = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StoredObject);
  const unknown = objects.find(({ kind }) => !WANTED[kind]);
  if (unknown)
    throw new ApiError(
      400,
      `this backup was made by a newer Essaim (it has a ${unknown.kind} in it): restore it with that version`,
    );
  const counts = KINDS.map((kind) => objects.filter((each) => each.kind === kind).length);
  if (KINDS.some((kind, at) => (header.objects[kind] ?? 0) !== counts[at]) || counts[0] !== 1)
    throw new ApiError(400, 'the backup does not have in it what its header says; nothing was changed');
  return { header, objects };
}

/** Objects that are written at once: what etcd takes. */
const BATCH = 100;

/** What writes them into an empty store, one transaction after the other. */
export function* asTransactions(objects: readonly StoredObject[]): Generator<{ changes: Change[] }> {
  for (let from = 0; from < objects.length; from += BATCH)
    yield {
      changes: objects
        .slice(from, from + BATCH)
        .map(
          ({ kind, object }) => ({ op: 'put', kind, object: { ...object, Version: { Index: 0 } } }) as Change,
        ),
    };
}
