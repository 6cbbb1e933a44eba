/**
 * DNS messages as bytes: only what an answer needs is read of a question; it is repeated in the answer, and passed on to
 * other servers, just as it came.
 */
import { isV6, toHex } from '../address.ts';

export const TYPE = { A: 1, PTR: 12, AAAA: 28, SRV: 33, OPT: 41, ANY: 255 } as const;
export const CODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notDone: 4,
  refused: 5,
} as const;

const HEADER = 12;
const INTERNET = 1;
const FLAG = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  wantsRecursion: 0x0100,
  recursive: 0x0080,
};
/** What is asked with a message larger than the classic 512 bytes has an OPT record; so has its answer. */
const OPT_LENGTH = 11;
/** Fits into one packet of any network with IPv6. */
const MAX_DATAGRAM = 1232;
const MIN_DATAGRAM = 512;
const MAX_MESSAGE = 65_535;
/** How long an answer may be kept (s): names follow the containers, and some keep answers for longer than they may. */
const TTL = 2;

export interface Query {
  packet: Buffer;
  /** In lower case, without the dot at its end. */
  name: string;
  type: number;
  /** Where the question ends in the packet. */
  end: number;
  /** How long an answer in one datagram may be. */
  datagram: number;
  extended: boolean;
}

/** What cannot be answered as asked for gets a code; what is no question at all, or an answer, gets nothing. */
export type Read = Query | { packet: Buffer; code: number } | undefined;

export function readQuery(packet: Buffer): Read {
  if (packet.length < HEADER || packet.readUInt16BE(2) & FLAG.response) return undefined;
  if ((packet[2]! >> 3) & 15) return { packet, code: CODE.notDone };
  let at = HEADER;
  let name = '';
  for (;;) {
    const length = packet[at];
    if (length === undefined || length > 63 || at - HEADER > 254) return { packet, code: CODE.formatError };
    at++;
    if (length === 0) break;
    name +=
      name === ''
        ? packet.toString('latin1', at, at + length)
        : `.${packet.toString('latin1', at, at + length)}`;
    at += length;
  }
  if (packet.length < at + 4 || packet.readUInt16BE(4) !== 1) return { packet, code: CODE.formatError };
  const type = packet.readUInt16BE(at);
  if (packet.readUInt16BE(at + 2) !== INTERNET) return { packet, code: CODE.refused };
  const end = at + 4;
  const size = optSize(packet, end);
  const datagram = Math.max(MIN_DATAGRAM, Math.min(size ?? 0, MAX_DATAGRAM));
  return { packet, name: name.toLowerCase(), type, end, datagram, extended: size !== undefined };
}

/** The size of datagrams that the asker takes; undefined for one who does not say. */
function optSize(packet: Buffer, end: number): number | undefined {
  // Nothing comes before it in a question.
  const only = packet.readUInt16BE(6) === 0 && packet.readUInt16BE(8) === 0 && packet.readUInt16BE(10) > 0;
  if (!only || packet.length < end + OPT_LENGTH) return undefined;
  return packet[end] === 0 && packet.readUInt16BE(end + 1) === TYPE.OPT
    ? packet.readUInt16BE(end + 3)
    : undefined;
}

/** An answer of only a code; with the question where that can be read. */
export function codeReply(query: Exclude<Read, undefined>, code: number): Buffer {
  if ('end' in query) return reply(query, [], { code, authoritative: false, limit: MAX_MESSAGE });
  const { packet } = query;
  const bytes = Buffer.alloc(HEADER);
  packet.copy(bytes, 0, 0, 2);
  writeFlags(bytes, packet, code, 0);
  return bytes;
}

/** @param records as `addressRecord` and the like make them; those that do not fit into `limit` bytes are left out, and it is said so */
export function reply(
  query: Query,
  records: readonly Buffer[],
  { code = CODE.noError, authoritative = true, limit = query.datagram, further = [] }: ReplyOptions,
): Buffer {
  const { packet, end, extended } = query;
  const room = limit - end - (extended ? OPT_LENGTH : 0);
  let length = 0;
  let count = 0;
  for (const record of records) {
    if (length + record.length > room) break;
    length += record.length;
    count++;
  }
  // Whoever lacks them can ask for them: nothing is said of those that do not fit.
  const added: Buffer[] = [];
  if (count === records.length)
    for (const record of further) {
      if (length + record.length > room) break;
      length += record.length;
      added.push(record);
    }
  const bytes = Buffer.allocUnsafe(end + length + (extended ? OPT_LENGTH : 0));
  packet.copy(bytes, 0, 0, end);
  const truncated = count < records.length ? FLAG.truncated : 0;
  writeFlags(bytes, packet, code, truncated | (authoritative ? FLAG.authoritative : 0));
  bytes.writeUInt16BE(count, 6);
  bytes.writeUInt16BE(0, 8);
  bytes.writeUInt16BE(added.length + (extended ? 1 : 0), 10);
  let at = end;
  for (let index = 0; index < count; index++) at += records[index]!.copy(bytes, at);
  for (const record of added) at += record.copy(bytes, at);
  if (extended) {
    bytes.fill(0, at);
    bytes.writeUInt16BE(TYPE.OPT, at + 1);
    bytes.writeUInt16BE(MAX_DATAGRAM, at + 3);
  }
  return bytes;
}

export interface ReplyOptions {
  code?: number;
  authoritative?: boolean;
  /** Bytes; what fits into one datagram if not given. */
  limit?: number;
  /** Records that may save whoever asks a question. */
  further?: readonly Buffer[];
}

/** For a connection, where there is no datagram to fit into. */
export const UNLIMITED = MAX_MESSAGE;

function writeFlags(bytes: Buffer, packet: Buffer, code: number, more: number): void {
  const kept = packet.readUInt16BE(2) & (0x7800 | FLAG.wantsRecursion);
  bytes.writeUInt16BE(FLAG.response | FLAG.recursive | kept | more | code, 2);
}

/**
 * The record that says that a name has that address.
 * @param ttl seconds @param owner the name; the question's if not given
 */
export function addressRecord(address: string, ttl = TTL, owner?: string): Buffer {
  const data = isV6(address)
    ? Buffer.from(toHex(address).slice(2), 'hex')
    : Buffer.from(address.split('.').map(Number));
  return record(isV6(address) ? TYPE.AAAA : TYPE.A, data, { ttl, owner });
}

/** The record that says that the question's address has that name. */
export function pointerRecord(name: string): Buffer {
  return record(TYPE.PTR, encodedName(name), {});
}

/** The record that says where the question's service is. */
export function serviceRecord(target: string, port: number, ttl: number): Buffer {
  const name = encodedName(target);
  const data = Buffer.alloc(6 + name.length);
  // Priority and weight are the same for all.
  data.writeUInt16BE(1, 0);
  data.writeUInt16BE(1, 2);
  data.writeUInt16BE(port, 4);
  name.copy(data, 6);
  return record(TYPE.SRV, data, { ttl });
}

function encodedName(name: string): Buffer {
  const labels = name.split('.').flatMap((label) => {
    const bytes = Buffer.from(label, 'latin1').subarray(0, 63);
    return [Buffer.of(bytes.length), bytes];
  });
  return Buffer.concat([...labels, Buffer.of(0)]);
}

/** The question's name, which always stands in the same place. */
const OF_QUESTION = Buffer.of(0xc0, HEADER);

function record(
  type: number,
  data: Buffer,
  { ttl = TTL, owner }: { ttl?: number | undefined; owner?: string | undefined },
): Buffer {
  const name = owner === undefined ? OF_QUESTION : encodedName(owner);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(INTERNET, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

export const isTruncated = (answer: Buffer): boolean => (answer.readUInt16BE(2) & FLAG.truncated) !== 0;
export const codeOf = (answer: Buffer): number => answer[3]! & 15;

/** Whether `answer` is one to that question, asked with that id. */
export function answers(answer: Buffer, query: Query, id: number): boolean {
  if (answer.length < query.end || answer.readUInt16BE(0) !== id) return false;
  if (!(answer.readUInt16BE(2) & FLAG.response) || answer.readUInt16BE(4) !== 1) return false;
  const asked = query.packet.toString('latin1', HEADER, query.end);
  const answered = answer.toString('latin1', HEADER, query.end);
  return asked === answered || asked.toLowerCase() === answered.toLowerCase();
}

/** The same message with another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** What another server said, as it may go to who asked: cut off where it does not fit into one datagram of theirs. */
export function fitting(answer: Buffer, query: Query): Buffer {
  const largest = query.extended ? 4096 : MIN_DATAGRAM;
  if (answer.length <= largest) return answer;
  const bytes = Buffer.from(answer.subarray(0, query.end));
  bytes.writeUInt16BE(bytes.readUInt16BE(2) | FLAG.truncated, 2);
  bytes.fill(0, 6, HEADER);
  return bytes;
}
