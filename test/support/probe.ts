/** Where the probe of the network is, and what it takes to run it in a container. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const PROBE = `${root}test/support/network-probe.ts`;
export const NODE = `${root}node_modules/.bin/node`;
/** Of every echo server. */
export const PORT = 7000;

/** What Node needs in a container, at the same paths: the system's libraries, and the project. */
export function bindMounts(): string[] {
  return ['/usr', '/lib', '/lib64', root, realpathSync(`${root}node_modules`)];
}
