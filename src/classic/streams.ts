/** Several streams as one, and one as several. */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';

/** The values of all, each as it comes. Throws what one throws; ends, or is left, with all of them. */
export async function* merged<T>(sources: ReadonlyArray<AsyncIterable<T>>): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  type Step = { index: number; result: IteratorResult<T> };
  const step = async (index: number): Promise<Step> => ({ index, result: await iterators[index]!.next() });
  const waiting = new Map(iterators.map((_, index) => [index, step(index)]));
  try {
    while (waiting.size > 0) {
      const { index, result } = await Promise.race(waiting.values());
      if (result.done) waiting.delete(index);
      else {
        waiting.set(index, step(index));
        yield result.value;
      }
    }
  } finally {
    // One that waits for something would wait on: who reads it is told by its signal.
    for (const index of waiting.keys()) void iterators[index]!.return?.().catch(() => undefined);
    for (const late of waiting.values()) late.catch(() => undefined);
  }
}

/**
 * The same bytes `count` times, as fast as the slowest of those that are still read. Each copy has to be read or destroyed.
 * When the source fails, so do all copies.
 */
export function copies(source: Readable, count: number): Readable[] {
  const sinks = Array.from({ length: count }, () => new PassThrough());
  void pump(source, sinks).catch((error: unknown) => {
    for (const sink of sinks) sink.destroy(error as Error);
  });
  return sinks;
}

async function pump(source: Readable, sinks: readonly PassThrough[]): Promise<void> {
  for (const sink of sinks) sink.on('error', () => undefined);
  for await (const chunk of source) {
    const full = sinks.filter((sink) => !sink.destroyed && !sink.write(chunk));
    await Promise.all(
      full.map((sink) => Promise.race([once(sink, 'drain'), once(sink, 'close')]).catch(() => undefined)),
    );
  }
  for (const sink of sinks) sink.end();
}
