/** Messages as gRPC sends them: each after five bytes, of which four are its length. */

const HEAD = 5;

export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(HEAD + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, HEAD);
  return framed;
}

/** Puts messages together again out of parts of any size. */
export class Frames {
  readonly #heard: (message: Buffer) => void;
  #parts: Buffer[] = [];
  #length = 0;
  /** How many bytes are needed before anything can be done. */
  #needed = HEAD;

  constructor(heard: (message: Buffer) => void) {
    this.#heard = heard;
  }

  push(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length < this.#needed) return;
    let bytes = this.#parts.length === 1 ? part : Buffer.concat(this.#parts, this.#length);
    this.#needed = HEAD;
    while (bytes.length >= HEAD) {
      if (bytes[0] !== 0) throw new Error('a compressed message came that nobody has asked for');
      const end = HEAD + bytes.readUInt32BE(1);
      this.#needed = end;
      if (bytes.length < end) break;
      this.#heard(bytes.subarray(HEAD, end));
      bytes = bytes.subarray(end);
      this.#needed = HEAD;
    }
    this.#parts = [bytes];
    this.#length = bytes.length;
  }
}
