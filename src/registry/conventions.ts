/**
 * What a container says of how it is to be registered, by Registrator's conventions: variables and labels that begin with
 * SERVICE_, those of one port (SERVICE_80_NAME) before those of all. Pure.
 */

/** Says of itself, for one of its ports, under names in lower case: `name`, `tags`, `check_http`, `region`. */
export interface Said {
  readonly values: Readonly<Record<string, string>>;
  /** Which of them were said of this port alone. */
  readonly ofPort: ReadonlySet<string>;
}

export const PREFIX = 'SERVICE_';

/** @param variables `NAME=value`; what labels say wins over them */
export function saidOf(
  port: number,
  variables: readonly string[],
  labels: Readonly<Record<string, string>>,
): Said {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const ofPort = new Set<string>();
  for (const [name, value] of [...variables.map(split), ...Object.entries(labels)]) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    const key = name.slice(PREFIX.length).toLowerCase();
    const [, number, rest] = /^(\d+)_(.+)$/.exec(key) ?? [];
    if (number === undefined) {
      if (key !== '' && !ofPort.has(key)) values[key] = value;
    } else if (Number(number) === port) {
      values[rest!] = value;
      ofPort.add(rest!);
    }
  }
  return { values, ofPort };
}

function split(variable: string): [string, string | undefined] {
  const at = variable.indexOf('=');
  return at < 0 ? [variable, undefined] : [variable.slice(0, at), variable.slice(at + 1)];
}

/** `a, b` as a list; a comma after a backslash belongs to the tag. */
export function tagsOf(text: string | undefined): string[] {
  if (!text) return [];
  const tags = text.split(/(?<!\\),/).map((tag) => tag.replaceAll('\\,', ',').trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

/** What a service is called whose containers do not say it: `registry:5000/acme/web:2` is a `web`. */
export function nameOfImage(image: string): string {
  const [path = ''] = image.split('@');
  return path.slice(path.lastIndexOf('/') + 1).split(':')[0]!;
}
