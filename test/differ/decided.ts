/** Reads decided.txt, which says how it is written. */
import { readFileSync } from 'node:fs';

/** A difference that is known, and why it is there. */
export interface Decision {
  readonly reason: string;
  /** `GROUP: COMMAND`, or `GROUP` alone for whatever command of it. */
  readonly places: readonly string[];
  /** As a difference is printed. */
  readonly lines: readonly string[];
}

/** The decisions about this engine, of those in the text. Throws when it is not written as it should be. */
export function decisions(text: string, engine: string): Decision[] {
  const blocks = text
    .split(/\n{2,}/)
    .map((block) => block.split('\n').filter(Boolean))
    .filter((block) => block.some((line) => !line.startsWith('#')));
  return blocks.flatMap((block) => {
    const comment = block.filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
    const lines = block.filter((line) => /^[-+] /.test(line));
    const rest = block.filter((line) => !/^[-+#] /.test(line));
    const only = rest
      .filter((line) => line.startsWith('only on '))
      .map((line) => line.slice('only on '.length));
    const places = rest.filter((line) => !line.startsWith('only on '));
    if (comment.length === 0 || places.length === 0 || lines.length === 0)
      throw new Error(
        `decided.txt: a reason, a command and lines that differ have to be in:\n${block.join('\n')}`,
      );
    if (only.length > 0 && !only.includes(engine)) return [];
    return [{ reason: comment.join(' '), places, lines }];
  });
}

export const decided = (engine: string): Decision[] =>
  decisions(readFileSync(new URL('decided.txt', import.meta.url), 'utf8'), engine);
