/** Connections that HTTP has been left on: the answer's head is read, the rest is a plain two-way stream. */
import type { Duplex } from 'node:stream';
import { ApiError } from '../model/errors.ts';

/** A longer answer head than this is an error of the other side. */
const MAX_HEAD = 64 * 1024;

export interface Hijacked {
  stream: Duplex;
  /** Lower-case names. `content-type` tells whether the output is multiplexed. */
  headers: Record<string, string>;
}

/**
 * Sends the request with an upgrade to raw TCP over the connection, which it takes ownership of.
 * Throws ApiError with the engine's status and message if it refuses.
 */
export async function hijack(
  connection: Duplex,
  method: string,
  target: string,
  headers: Record<string, string>,
  body: Buffer | undefined,
): Promise<Hijacked> {
  const fields = Object.entries({ host: 'docker', connection: 'Upgrade', upgrade: 'tcp', ...headers });
  if (body === undefined && headers['content-length'] === undefined) fields.push(['content-length', '0']);
  connection.write(
    `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  if (body !== undefined) connection.write(body);
  try {
    const head = await readHead(connection);
    if (head.status === 101 || head.status === 200) return { stream: connection, headers: head.headers };
    throw new ApiError(head.status, messageIn(await readBody(connection, head.headers['content-length'])));
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function readHead(connection: Duplex): Promise<{ status: number; headers: Record<string, string> }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end >= 0) {
      connection.unshift(bytes.subarray(end + 4));
      return parseHead(bytes.subarray(0, end).toString('latin1'));
    }
    if (bytes.length > MAX_HEAD) throw new ApiError(502, 'the engine answered with a head that does not end');
    bytes = Buffer.concat([bytes, await readSome(connection)]);
  }
}

/** The text of an error: as long as is said, else until the engine closes. */
async function readBody(connection: Duplex, length: string | undefined): Promise<string> {
  const end = Math.min(Number(length ?? MAX_HEAD), MAX_HEAD);
  let bytes = Buffer.alloc(0);
  while (bytes.length < end) {
    const more = await readSome(connection).catch(() => undefined);
    if (more === undefined) break;
    bytes = Buffer.concat([bytes, more]);
  }
  return bytes.toString();
}

/** The next bytes of a paused stream. Throws if it ends or breaks. */
function readSome(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      stream.off('readable', look);
      stream.off('end', ended);
      stream.off('close', ended);
      stream.off('error', reject);
      done();
    };
    const look = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk !== null) settle(() => resolve(chunk));
    };
    const ended = (): void => settle(() => reject(new ApiError(502, 'the engine closed the connection')));
    stream.on('readable', look);
    stream.once('end', ended);
    stream.once('close', ended);
    stream.once('error', reject);
    look();
  });
}

function parseHead(text: string): { status: number; headers: Record<string, string> } {
  const [first = '', ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new ApiError(502, 'the engine answered with something that is not HTTP');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status, headers };
}

function messageIn(body: string): string {
  try {
    return String((JSON.parse(body) as { message: unknown }).message);
  } catch {
    return body.trim() || 'the engine refused the connection';
  }
}
