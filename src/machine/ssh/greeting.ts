/** The user's shell may greet whoever logs in: what comes of a host begins behind a line of ours. */

/** The line, which whatever is run there says first. */
export const BEGIN = 'essaim: from here on';
const LINE = Buffer.from(`${BEGIN}\n`);

/** Without what was said before that line; all of it where the line has not come. */
export function withoutGreeting(said: string): string {
  const at = said.indexOf(`${BEGIN}\n`);
  return at < 0 ? said : said.slice(at + LINE.length);
}

/** The same of bytes that come one by one; none where the line does not come. */
export async function* afterGreeting(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let before: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (!before) {
      yield Buffer.from(chunk);
      continue;
    }
    before = Buffer.concat([before, chunk]);
    const at = before.indexOf(LINE);
    if (at < 0) {
      // Enough to know the line by, however long the greeting is.
      before = before.subarray(-LINE.length);
      continue;
    }
    const first = before.subarray(at + LINE.length);
    before = undefined;
    if (first.length > 0) yield first;
  }
}
