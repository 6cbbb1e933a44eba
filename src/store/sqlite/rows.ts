/** Objects as rows: JSON, encrypted where it is secret, and in each case checked when it is read back. */
import { crc32 } from 'node:zlib';
import type { Task } from '../../model/objects.ts';
import { seal, unseal } from '../../model/sealed.ts';
import type { TaskSpec } from '../../model/spec.ts';
import type { Kind, Kinds } from '../contract.ts';
import { isSecret } from '../encoding/secret-kinds.ts';
import { specRow } from '../encoding/task-spec.ts';

export interface Row {
  kind: Kind;
  id: string;
  revision: number;
  /** Text of a plain row with `checksum`; bytes of an encrypted one: nonce, ciphertext, tag. */
  body: string | Uint8Array;
  checksum: number | null;
  /** The digest of a task's spec. */
  spec: string | null;
}

export function encodeRow<K extends Kind>(kind: K, object: Kinds[K], key: Buffer): Row {
  const { ID: id, Version } = object;
  const revision = Version.Index;
  if (!isSecret(kind)) {
    const spec = kind === 'task' ? specRow((object as Task).Spec).digest : null;
    const body = JSON.stringify(spec === null ? object : { ...object, Spec: undefined });
    return { kind, id, revision, body, checksum: checksumOf(body, spec), spec };
  }
  const body = seal(JSON.stringify(object), place(kind, id, revision), key);
  return { kind, id, revision, body, checksum: null, spec: null };
}

/** Throws if the row is not what was written for that object and revision. */
export function decodeRow(row: Row, key: Buffer, specs: ReadonlyMap<string, TaskSpec>): Kinds[Kind] {
  const object: Kinds[Kind] = JSON.parse(plain(row, key));
  if (object.ID !== row.id || object.Version.Index !== row.revision)
    throw new Error('it belongs to another row');
  if (row.kind === 'task') {
    const spec = specs.get(row.spec ?? '');
    if (!spec) throw new Error('its spec is missing');
    (object as Task).Spec = spec;
  }
  return object;
}

function plain({ kind, id, revision, body, checksum, spec }: Row, key: Buffer): string {
  if (isSecret(kind) !== (typeof body !== 'string')) throw new Error('it is not encrypted as it should be');
  if (typeof body === 'string') {
    if (checksumOf(body, spec) !== checksum) throw new Error('its checksum is wrong');
    return body;
  }
  return unseal(body, place(kind, id, revision), key);
}

function checksumOf(body: string, spec: string | null): number {
  return spec === null ? crc32(body) : crc32(spec, crc32(body));
}

function place(kind: Kind, id: string, revision: number): string {
  return `${kind}\0${id}\0${revision}`;
}
