/**
 * Containers that requests about other things mention. An engine can only mean its own: those of tasks on this host are
 * given the names that they have there, and for others it is said where they are.
 */
import { type Json, keyOf, part, set, text, texts } from '../body-object.ts';
import type { ApiContext } from '../router.ts';
import { nameHere } from './whereabouts.ts';

/** Fields of a new container's HostConfig that take `container:REFERENCE`, and what is shared by that. */
const MODES = { NetworkMode: 'network', PidMode: 'processes', IpcMode: 'IPC' } as const;

/** The description of a new container, with what it mentions called by this host's names. Throws ApiError 409. */
export async function containerWithNamesHere(context: ApiContext, body: Json): Promise<Json> {
  let host = part(body, 'HostConfig');
  const before = host;
  for (const [field, shared] of Object.entries(MODES)) {
    const [, reference] = /^container:(.+)$/.exec(text(host[keyOf(host, field)])) ?? [];
    if (reference === undefined) continue;
    const name = await nameHere(
      context,
      reference,
      `the ${shared} of a container can only be shared on its own host`,
    );
    if (name !== reference) host = set(host, field, `container:${name}`);
  }
  const lists = {
    VolumesFrom: 'the volumes of a container can only be used on its own host',
    Links: 'a container can only be linked to on its own host',
  };
  for (const [field, what] of Object.entries(lists)) {
    const entries = texts(host[keyOf(host, field)]);
    const named = await Promise.all(entries.map((entry) => entryWithNameHere(context, entry, what)));
    if (named.some((entry, index) => entry !== entries[index])) host = set(host, field, named);
  }
  return host === before ? body : set(body, 'HostConfig', host);
}

/** The request to connect a container to a network or to disconnect it from one. Throws ApiError 409. */
export async function connectionWithNameHere(context: ApiContext, body: Json): Promise<Json> {
  const reference = text(body[keyOf(body, 'Container')]);
  const name = await nameHere(
    context,
    reference,
    'the networks of a container can only be changed on its own host',
  );
  return name === reference ? body : set(body, 'Container', name);
}

/** `REFERENCE` or `REFERENCE:MORE`. */
async function entryWithNameHere(context: ApiContext, entry: string, what: string): Promise<string> {
  const [reference = '', ...more] = entry.split(':');
  return [await nameHere(context, reference, what), ...more].join(':');
}
