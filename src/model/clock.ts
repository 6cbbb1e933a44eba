/** Time as the parts see it, so that a simulation can turn the hands. Milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** Calls `fn` once after `ms` milliseconds; the returned function cancels it. Never keeps a process alive. */
  timer(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  timer(ms, fn) {
    // setTimeout takes 31 bits: a longer wait wakes early, and callers look at the time again anyway.
    const handle = setTimeout(fn, Math.min(ms, 0x7fffffff));
    handle.unref();
    return () => clearTimeout(handle);
  },
};

/** Resolves after `ms`, or as soon as aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.timer(ms, end);
    signal.addEventListener('abort', end);
  });
}

/** Milliseconds since the epoch as the RFC 3339 text of the API. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
