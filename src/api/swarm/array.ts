/**
 * A list as bytes. It may be long: it is made and sent in parts, and others get their turn between them. 50,000 tasks are
 * 58 MB, 5,000 nodes 7 MB: bytes are copied to where they belong, since a string would be gone through once to be put
 * together and once more to be encoded.
 */
import { setImmediate } from 'node:timers/promises';

/** Bytes of a part, unless what is added to it at once takes more. */
const PART = 512 * 1024;
/** Bytes from which on a part is sent: there is room still for what kept tasks add at once. */
const FULL = PART - 80 * 1024;
/** Parts after which others get their turn, should the client take at once whatever it is sent. */
const STRETCH = 4;
const FIRST = '[';
const LAST = ']\n';

/**
 * A JSON array, in parts each of which is good until the next one is asked for: with new memory for each, a list would
 * cost more in garbage collection than in all else. Objects of a view do not change: the answer is the cluster as it was
 * at the time of the request.
 *
 * @param pieces one or more elements each, a comma in front of each element; good until the next one is asked for
 */
export async function* arrayOf(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  const part = new Part();
  let made = 0;
  for (const piece of pieces) {
    part.add(piece);
    if (part.length < FULL) continue;
    yield part.take(made === 0);
    if (++made % STRETCH === 0) await setImmediate();
  }
  if (made === 0 && part.length === 0) part.add(Buffer.from(FIRST));
  part.add(Buffer.from(LAST));
  yield part.take(made === 0);
}

/** Gathers what is to be sent, in no more than twice the memory that it needs. */
class Part {
  #memory = Buffer.alloc(0);
  #end = 0;

  get length(): number {
    return this.#end;
  }

  add(bytes: Buffer): void {
    const end = this.#end + bytes.length;
    if (end > this.#memory.length) {
      // Not out of Node's pool, where everything small is: it would be kept for as long as the slowest client reads.
      const memory = Buffer.allocUnsafeSlow(Math.max(end, Math.min(2 * end, PART)));
      this.#memory.copy(memory, 0, 0, this.#end);
      this.#memory = memory;
    }
    bytes.copy(this.#memory, this.#end);
    this.#end = end;
  }

  /** What was added since the last time; the beginning of an array has a bracket in place of the first comma. */
  take(first: boolean): Buffer {
    if (first) this.#memory.write(FIRST);
    const part = this.#memory.subarray(0, this.#end);
    this.#end = 0;
    return part;
  }
}
