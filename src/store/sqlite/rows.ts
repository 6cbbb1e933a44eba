/**
 * Objects as rows: JSON, encrypted where it is secret, and in each case checked when it is read back. The spec of a
 * task, which all tasks of its service share and which is most of it, is a row of its own, named by its digest.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Task } from '../../model/objects.ts';
import type { TaskSpec } from '../../model/spec.ts';
import type { Kind, Kinds } from '../contract.ts';

const SECRET: ReadonlySet<Kind> = new Set<Kind>(['cluster', 'secret', 'config', 'oldContent', 'credential']);
const NONCE = 12;
const TAG = 16;

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

export interface SpecRow {
  digest: string;
  body: string;
}

const specRows = new WeakMap<TaskSpec, SpecRow>();

/** The row for a task's spec: the same one for the same object. */
export function specRow(spec: TaskSpec): SpecRow {
  let row = specRows.get(spec);
  if (!row) {
    const body = JSON.stringify(spec);
    row = { digest: digestOf(body), body };
    specRows.set(spec, row);
  }
  return row;
}

/** Throws if the row is not what was written. */
export function decodeSpec({ digest, body }: SpecRow): TaskSpec {
  if (digestOf(body) !== digest) throw new Error('its checksum is wrong');
  return JSON.parse(body);
}

export function encodeRow<K extends Kind>(kind: K, object: Kinds[K], key: Buffer): Row {
  const { ID: id, Version } = object;
  const revision = Version.Index;
  if (!SECRET.has(kind)) {
    const spec = kind === 'task' ? specRow((object as Task).Spec).digest : null;
    const body = JSON.stringify(spec === null ? object : { ...object, Spec: undefined });
    return { kind, id, revision, body, checksum: checksumOf(body, spec), spec };
  }
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(place(kind, id, revision));
  const body = Buffer.concat([
    nonce,
    cipher.update(JSON.stringify(object), 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
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
  if (SECRET.has(kind) !== (typeof body !== 'string')) throw new Error('it is not encrypted as it should be');
  if (typeof body === 'string') {
    if (checksumOf(body, spec) !== checksum) throw new Error('its checksum is wrong');
    return body;
  }
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(place(kind, id, revision));
  decipher.setAuthTag(body.subarray(-TAG));
  return decipher.update(body.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
}

function checksumOf(body: string, spec: string | null): number {
  return spec === null ? crc32(body) : crc32(spec, crc32(body));
}

function digestOf(body: string): string {
  return hash('sha256', body, 'base64url');
}

function place(kind: Kind, id: string, revision: number): Buffer {
  return Buffer.from(`${kind}\0${id}\0${revision}`);
}
