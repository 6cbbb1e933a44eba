/** What is typed for a volume. */
import { word } from './command.ts';

/** `NAME=value` in each line; a line without a value has an empty one. */
export function pairsOf(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.trim());
  return Object.fromEntries(
    lines.filter(Boolean).map((line) => {
      const [name = ''] = line.split('=', 1);
      return [name, line.slice(name.length + 1)];
    }),
  );
}

export function volumeCommand(
  name: string,
  driver: string,
  options: Readonly<Record<string, string>>,
): string {
  const by = driver && driver !== 'local' ? [`--driver ${word(driver)}`] : [];
  const all = Object.entries(options).map(([key, value]) => `--opt ${word(`${key}=${value}`)}`);
  return ['docker volume create', ...by, ...all, word(name || 'NAME')].join(' ');
}
