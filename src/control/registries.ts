/**
 * What registries are signed in to with, kept once for all hosts. Among the credentials, which are encrypted at rest: those
 * of services have their ids, these the names of registries.
 */
import type { Credential } from '../model/objects.ts';
import type { View } from '../store/contract.ts';

const PREFIX = 'registry ';
/** What Docker's own is called in names of images. */
export const HUB = 'docker.io';

/** The registry of an image, as people write it: `docker.io` if its name says none. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first.toLowerCase() : HUB;
}

export function registryId(host: string): string {
  return PREFIX + host;
}

/** The registries that there are credentials of. */
export function registries(view: View): Array<{ host: string; credential: Credential }> {
  return [...view.all('credential')]
    .filter(({ ID }) => ID.startsWith(PREFIX))
    .map((credential) => ({ host: credential.ID.slice(PREFIX.length), credential }));
}

/** The header X-Registry-Auth for that image; undefined if nothing is kept of its registry. */
export function registryAuth(view: View, image: string): string | undefined {
  return view.get('credential', registryId(registryOf(image)))?.auth;
}
