import type { Duplex } from 'node:stream';

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
