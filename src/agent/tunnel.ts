import type { Duplex } from 'node:stream';

/** After so long (ms) without a sign the kernel asks whether the host at the other end of tunnels is there, for ten seconds. */
export const KEEP_ALIVE = 10_000;

/**
 * Carries bytes both ways between two connections. Each way ends by itself when its sender has ended; a connection that
 * breaks takes the other one with it.
 */
export function joinStreams(a: Duplex, b: Duplex): void {
  a.pipe(b);
  b.pipe(a);
  guard(a, b);
  guard(b, a);
}

function guard(one: Duplex, other: Duplex): void {
  one.on('error', () => other.destroy());
  // After an end in both directions the other one is still writing out what it was given: that is left alone.
  one.on('close', () => {
    if (!one.readableEnded || !one.writableFinished) other.destroy();
  });
}

/**
 * Passes over writes of nothing, with which node:http ends bodies: an HTTP/2 stream that is given one together with
 * text takes all as sent and frees the text's memory, and what arrives for it is garbage.
 */
export function withoutEmptyWrites<T extends Duplex>(stream: T): T {
  const write = stream.write.bind(stream) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  const writeSome = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    if (chunk.length > 0) return write(chunk, ...rest);
    const done = rest.at(-1);
    if (typeof done === 'function') process.nextTick(done);
    return !stream.writableNeedDrain;
  };
  return Object.assign(stream, { write: writeSome });
}
