/** DNS messages on a connection: each with two bytes before it that tell its length. */

export function frame(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(message.length + 2);
  bytes.writeUInt16BE(message.length, 0);
  message.copy(bytes, 2);
  return bytes;
}

/** The messages of a stream in order, as they become complete. @throws what the stream does */
export async function* frames(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  let wanted = 2;
  for await (const chunk of stream) {
    parts.push(chunk);
    length += chunk.length;
    if (length < wanted) continue;
    // Put together only when something is complete: a message may come byte by byte.
    let bytes = parts.length === 1 ? chunk : Buffer.concat(parts, length);
    while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const end = 2 + bytes.readUInt16BE(0);
      yield bytes.subarray(2, end);
      bytes = bytes.subarray(end);
    }
    wanted = bytes.length >= 2 ? 2 + bytes.readUInt16BE(0) : 2;
    parts = [bytes];
    length = bytes.length;
  }
}
