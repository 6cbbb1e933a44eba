/** Protocol buffers as far as etcd's API needs them: a message is a table of its fields. */

/**
 * 'text' is for fields of type bytes, too, where what is in them is known to be text. An 'id' has 64 bits, more than a
 * number holds: it is hexadecimal text, as etcd's log and its tools have it, and '' where there is none.
 */
type Scalar = 'int' | 'id' | 'bool' | 'bytes' | 'text';

interface Field {
  number: number;
  type: Scalar | (() => Message<object>);
  many: boolean;
}

/** How messages of type T are written. Whole numbers are safe ones: what etcd counts does not get beyond them. */
export interface Message<T extends object> {
  readonly fields: ReadonlyArray<Field & { name: string }>;
  readonly byNumber: ReadonlyMap<number, Field & { name: string }>;
  /** Only tells the type. */
  readonly of?: T;
}

export function one(number: number, type: Field['type']): Field {
  return { number, type, many: false };
}

export function many(number: number, type: Field['type']): Field {
  return { number, type, many: true };
}

/** Fields that the table lacks are passed over when a message is read. */
export function message<T extends object>(table: { [K in keyof T]-?: Field }): Message<T> {
  const fields = Object.entries<Field>(table).map(([name, field]) => ({ ...field, name }));
  return { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

export function encode<T extends object>(kind: Message<T>, value: T): Buffer {
  const target = { bytes: Buffer.allocUnsafe(sizeOf(kind, value)), at: 0 };
  write(target, kind, value);
  return target.bytes;
}

/** What is not in the message is 0, false, empty, or, of a message, absent. @throws Error if it is cut off */
export function decode<T extends object>(kind: Message<T>, bytes: Buffer): T {
  const source = { bytes, at: 0 };
  const result: Record<string, unknown> = {};
  for (const { name, type, many: list } of kind.fields) {
    if (list) result[name] = [];
    else if (type === 'int') result[name] = 0;
    else if (type === 'bool') result[name] = false;
    else if (type === 'bytes') result[name] = EMPTY;
    else if (type === 'text' || type === 'id') result[name] = '';
  }
  while (source.at < bytes.length) {
    const tag = readVarint(source);
    const field = kind.byNumber.get(Math.floor(tag / 8));
    const wire = tag % 8;
    if (!field) {
      skip(source, wire);
      continue;
    }
    const item = readField(source, field, wire);
    if (field.many) (result[field.name] as unknown[]).push(item);
    else result[field.name] = item;
  }
  return result as T;
}

const EMPTY = Buffer.alloc(0);

interface Cursor {
  bytes: Buffer;
  at: number;
}

function* present(kind: Message<object>, value: object): Generator<[Field, unknown]> {
  for (const field of kind.fields) {
    const content = (value as Record<string, unknown>)[field.name];
    if (field.many) for (const item of (content as unknown[] | undefined) ?? []) yield [field, item];
    else if (content) yield [field, content];
  }
}

function sizeOf(kind: Message<object>, value: object): number {
  let size = 0;
  for (const [{ number, type }, content] of present(kind, value)) {
    size += varintSize(number * 8);
    if (type === 'int') size += varintSize(content as number);
    else if (type === 'id') size += idBytes(content as string).length;
    else if (type === 'bool') size += 1;
    else {
      const length = lengthOf(type, content);
      size += varintSize(length) + length;
    }
  }
  return size;
}

function lengthOf(type: Field['type'], content: unknown): number {
  if (type === 'text') return Buffer.byteLength(content as string);
  if (type === 'bytes') return (content as Buffer).length;
  return sizeOf((type as () => Message<object>)(), content as object);
}

function write(target: Cursor, kind: Message<object>, value: object): void {
  for (const [{ number, type }, content] of present(kind, value)) {
    const wire = wireOf(type);
    writeVarint(target, number * 8 + wire);
    if (wire === VARINT) {
      if (type === 'id') target.at += idBytes(content as string).copy(target.bytes, target.at);
      else writeVarint(target, Number(content));
      continue;
    }
    writeVarint(target, lengthOf(type, content));
    if (type === 'text') target.at += target.bytes.write(content as string, target.at);
    else if (type === 'bytes') target.at += (content as Buffer).copy(target.bytes, target.at);
    else write(target, (type as () => Message<object>)(), content as object);
  }
}

function wireOf(type: Field['type']): number {
  return type === 'int' || type === 'id' || type === 'bool' ? VARINT : LENGTH;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

function writeVarint(target: Cursor, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} cannot be written`);
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target.bytes[target.at++] = (rest % 128) + 128;
  target.bytes[target.at++] = rest;
}

/** Negative numbers, which etcd gives only where there is none, come out as huge ones. */
function readVarint(source: Cursor): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = source.bytes[source.at++];
    if (byte === undefined) throw cutOff();
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
}

function idBytes(id: string): Buffer {
  if (!/^[0-9a-f]{1,16}$/.test(id)) throw new RangeError(`"${id}" is no id`);
  const bytes: number[] = [];
  let rest = BigInt(`0x${id}`);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  return Buffer.from([...bytes, Number(rest)]);
}

function readId(source: Cursor): string {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = source.bytes[source.at++];
    if (byte === undefined) throw cutOff();
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value === 0n ? '' : BigInt.asUintN(64, value).toString(16);
  }
}

function readField(source: Cursor, { type, number }: Field, wire: number): unknown {
  if (wire !== wireOf(type)) throw new Error(`field ${number} is of another type than it should be`);
  if (type === 'int') return readVarint(source);
  if (type === 'id') return readId(source);
  if (type === 'bool') return readVarint(source) !== 0;
  const content = readBytes(source, readVarint(source));
  if (type === 'bytes') return content;
  if (type === 'text') return content.toString();
  return decode(type(), content);
}

function readBytes(source: Cursor, length: number): Buffer {
  const end = source.at + length;
  if (end > source.bytes.length) throw cutOff();
  const content = source.bytes.subarray(source.at, end);
  source.at = end;
  return content;
}

function skip(source: Cursor, wire: number): void {
  if (wire === VARINT) readVarint(source);
  else if (wire === LENGTH) readBytes(source, readVarint(source));
  else if (wire === FIXED64) readBytes(source, 8);
  else if (wire === FIXED32) readBytes(source, 4);
  else throw new Error(`there is no type ${wire} of fields`);
}

function cutOff(): Error {
  return new Error('the message is cut off');
}
