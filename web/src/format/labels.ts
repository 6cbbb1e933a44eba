/** Labels as one line: `zone=a, disk=ssd`. */

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(', ');
}

export function labelsOf(text: string): Record<string, string> {
  const entries = text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)
    .map((each): [string, string] => {
      const at = each.indexOf('=');
      return at < 0 ? [each, ''] : [each.slice(0, at).trim(), each.slice(at + 1).trim()];
    });
  return Object.fromEntries(entries);
}
