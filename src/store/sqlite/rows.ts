/** Objects as rows: JSON, encrypted where it is secret, and in each case checked when it is read back. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Kind, Kinds } from '../contract.ts';

const SECRET: ReadonlySet<Kind> = new Set<Kind>(['cluster', 'secret', 'config', 'credential']);
const NONCE = 12;
const TAG = 16;

export interface Row {
  kind: Kind;
  id: string;
  revision: number;
  /** Text of a plain row with `checksum`; bytes of an encrypted one: nonce, ciphertext, tag. */
  body: string | Uint8Array;
  checksum: number | null;
}

export function encodeRow<K extends Kind>(kind: K, object: Kinds[K], key: Buffer): Row {
  const { ID: id, Version } = object;
  const revision = Version.Index;
  const json = JSON.stringify(object);
  if (!SECRET.has(kind)) return { kind, id, revision, body: json, checksum: crc32(json) };

  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(place(kind, id, revision));
  const body = Buffer.concat([nonce, cipher.update(json, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { kind, id, revision, body, checksum: null };
}

/** Throws if the row is not what was written for that object and revision. */
export function decodeRow(row: Row, key: Buffer): Kinds[Kind] {
  const object: Kinds[Kind] = JSON.parse(plain(row, key));
  if (object.ID !== row.id || object.Version.Index !== row.revision)
    throw new Error('it belongs to another row');
  return object;
}

function plain({ kind, id, revision, body, checksum }: Row, key: Buffer): string {
  if (SECRET.has(kind) !== (typeof body !== 'string')) throw new Error('it is not encrypted as it should be');
  if (typeof body === 'string') {
    if (crc32(body) !== checksum) throw new Error('its checksum is wrong');
    return body;
  }
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(place(kind, id, revision));
  decipher.setAuthTag(body.subarray(-TAG));
  return decipher.update(body.subarray(NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
}

function place(kind: Kind, id: string, revision: number): Buffer {
  return Buffer.from(`${kind}\0${id}\0${revision}`);
}
