/**
 * Something secret as a file: a line that says what it is, a line of JSON that anybody may read, then the contents, compressed and
 * encrypted (AES-256-GCM) in parts. Each part has in front of it how long it is, and is bound to its place, to the lines
 * before, and to whether it is the last: what is cut off, changed or put together from two files is not opened.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hash,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip, gunzipSync } from 'node:zlib';
import { ApiError } from '../model/errors.ts';

/** What is kept in such files: the words that the first line begins with, and how people are told of it. */
export interface ArchiveKind {
  /** "essaim backup" */
  readonly magic: string;
  /** "backup" */
  readonly noun: string;
  readonly format: number;
}

const PART = 256 * 1024;
const TAG = 16;
const KEY_BYTES = 32;
const COST = { N: 32768, r: 8, p: 1 };
/** What the two lines may take. */
export const HEAD_BYTES = 16 * 1024;

/** What a file says of itself to anybody. */
export interface ArchiveHeader {
  /** What it is encrypted with. */
  readonly secret: 'passphrase' | 'unlock key';
}

interface Sealing {
  salt: string;
  cost: typeof COST;
  /** Tells a wrong secret from a damaged file. */
  check: string;
}

/** The file, part by part. @param lines what is in it; asked for as they are needed */
export async function* sealArchive<H extends ArchiveHeader>(
  kind: ArchiveKind,
  header: H,
  secret: string,
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Buffer> {
  const salt = randomBytes(16);
  const key = await keyOf(kind, secret, salt, COST);
  const head = { ...header, salt: salt.toString('base64'), cost: COST, check: checkOf(kind, key) };
  const text = `${kind.magic} ${kind.format}\n${JSON.stringify(head)}\n`;
  const parts = new Parts(kind, key, text);
  yield Buffer.from(text);
  let waiting = Buffer.alloc(0);
  for await (const chunk of Readable.from(lines).pipe(createGzip()) as AsyncIterable<Buffer>) {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length > PART) {
      yield parts.seal(waiting.subarray(0, PART), false);
      waiting = waiting.subarray(PART);
    }
  }
  yield parts.seal(waiting, true);
}

/** What the beginning of a file says, HEAD_BYTES of it or all. @throws ApiError 400 if it is none of the kind that can be read */
export function readHeader<H extends ArchiveHeader>(kind: ArchiveKind, beginning: Buffer): H {
  return headerIn(headOf<H>(kind, beginning).head);
}

function headerIn<H extends ArchiveHeader>({ salt, cost, check, ...header }: H & Sealing): H {
  return header as unknown as H;
}

/** What is in a file. @throws ApiError 400: none of the kind, a newer format, a wrong secret, damaged */
export async function openArchive<H extends ArchiveHeader>(
  kind: ArchiveKind,
  file: Buffer,
  secret: string,
): Promise<{ header: H; text: string }> {
  const { head, text } = headOf<H>(kind, file);
  const key = await keyOf(kind, secret, Buffer.from(head.salt, 'base64'), head.cost);
  if (!same(head.check, checkOf(kind, key)))
    throw invalid(`this is not the ${head.secret} that the ${kind.noun} was made with; nothing was changed`);
  const parts = new Parts(kind, key, text);
  const opened: Buffer[] = [];
  for (let at = Buffer.byteLength(text), last = false; !last; ) {
    if (at + 4 > file.length) throw damaged(kind, 'its end is missing');
    const size = file.readUInt32BE(at);
    const end = at + 4 + size;
    if (end > file.length) throw damaged(kind, 'its end is missing');
    last = end === file.length;
    opened.push(parts.open(file.subarray(at + 4, end), last));
    at = end;
  }
  return { header: headerIn(head), text: gunzipSync(Buffer.concat(opened)).toString() };
}

/** The parts of one file, in order. Each file has a key of its own, so a part's number is a nonce. */
class Parts {
  readonly #kind: ArchiveKind;
  readonly #key: Buffer;
  readonly #head: Buffer;
  #next = 0;

  constructor(kind: ArchiveKind, key: Buffer, head: string) {
    this.#kind = kind;
    this.#key = key;
    this.#head = hash('sha256', head, 'buffer');
  }

  seal(plain: Buffer, last: boolean): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce());
    cipher.setAAD(this.#place(last));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(sealed.length);
    return Buffer.concat([size, sealed]);
  }

  open(sealed: Buffer, last: boolean): Buffer {
    if (sealed.length < TAG) throw damaged(this.#kind, 'a part of it is too short');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce(), { authTagLength: TAG });
    decipher.setAAD(this.#place(last));
    decipher.setAuthTag(sealed.subarray(-TAG));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()]);
    } catch {
      throw damaged(this.#kind, last ? 'its end is missing, or has been changed' : 'it has been changed');
    }
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(this.#next++, 8);
    return nonce;
  }

  #place(last: boolean): Buffer {
    return Buffer.concat([this.#head, Buffer.from([last ? 1 : 0])]);
  }
}

function headOf<H>(kind: ArchiveKind, file: Buffer): { head: H & Sealing; text: string } {
  const first = file.indexOf('\n');
  const magic = file.toString('latin1', 0, first);
  if (first < 0 || !magic.startsWith(`${kind.magic} `))
    throw invalid(`this file is not a ${kind.noun} of Essaim`);
  const format = Number(magic.slice(kind.magic.length + 1));
  if (format !== kind.format)
    throw invalid(
      `this ${kind.noun} was made by a newer Essaim (format ${format}; this one knows ${kind.format}): restore it with that version`,
    );
  const second = file.indexOf('\n', first + 1);
  if (second < 0) throw damaged(kind, 'its end is missing');
  try {
    const head = JSON.parse(file.toString('utf8', first + 1, second)) as H & Sealing;
    return { head, text: file.toString('utf8', 0, second + 1) };
  } catch {
    throw damaged(kind, 'its header cannot be read');
  }
}

function keyOf(kind: ArchiveKind, secret: string, salt: Buffer, { N, r, p }: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (!(N <= 2 ** 20 && r <= 16 && p <= 4)) throw damaged(kind, 'its header has been changed');
    scrypt(secret, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function checkOf({ magic }: ArchiveKind, key: Buffer): string {
  return createHmac('sha256', key).update(magic).digest('base64');
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function damaged({ noun }: ArchiveKind, what: string): ApiError {
  return invalid(`the ${noun} is damaged: ${what}; nothing was changed`);
}

function invalid(text: string): ApiError {
  return new ApiError(400, text);
}
