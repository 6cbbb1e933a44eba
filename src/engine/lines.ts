/** Streams of JSON values, one per line. */

/** A line longer than this is not an event or progress message but an error of the sender. */
const MAX_LINE = 16 * 1024 * 1024;

/**
 * The values of a stream of JSON lines; destroys the stream when the consumer stops. Throws SyntaxError, RangeError.
 * @param reviver as JSON.parse takes it
 */
export async function* jsonLines<T>(
  stream: AsyncIterable<Buffer | string>,
  reviver?: (key: string, value: unknown) => unknown,
): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (
      rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
    ).split('\n');
    rest = lines.pop()!;
    if (rest.length > MAX_LINE) throw new RangeError(`a line of more than ${MAX_LINE} characters`);
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line, reviver) as T;
  }
  if (rest.trim() !== '') yield JSON.parse(rest, reviver) as T;
}
