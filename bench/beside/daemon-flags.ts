import { readFileSync } from 'node:fs';

/** Node's flags for a daemon, as bin/essaim has them. */
export function daemonFlags(): string[] {
  const [, flags] = /^flags='(.*)'$/m.exec(
    readFileSync(new URL('../../bin/essaim', import.meta.url), 'utf8'),
  )!;
  return flags!.split(' ');
}
