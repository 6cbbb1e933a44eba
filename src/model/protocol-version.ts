/**
 * Which versions of Essaim understand each other on the cluster port. Who asks says which version of the protocol it speaks
 * and the oldest that it understands; who is too old or too new for the manager that it asks is told so. The manager's
 * answers say the same of it. A version understands the one before it, so that a swarm is updated host by host.
 */

export interface Spoken {
  version: number;
  /** The oldest version that it understands. */
  oldest: number;
}

/** What this program speaks. `version` counts up whenever something changes that the one before would not understand. */
export const SPOKEN: Spoken = { version: 1, oldest: 1 };

/** The header of each request, and of answers; and its value here. */
export const PROTOCOL_HEADER = 'essaim-protocol';
export const OWN_PROTOCOL = { [PROTOCOL_HEADER]: `${SPOKEN.version} ${SPOKEN.oldest}` } as const;

/** The status of an answer to who is too old or too new. */
export const OTHER_VERSION = 426;

/** Undefined: it is no such value. */
export function parseSpoken(value: string | string[] | undefined): Spoken | undefined {
  const match = typeof value === 'string' ? /^(\d{1,9}) (\d{1,9})$/.exec(value) : null;
  return match ? { version: Number(match[1]), oldest: Number(match[2]) } : undefined;
}

/** Why a host cannot work with this manager, and what to do; undefined if it can. `host`: undefined if it does not say. */
export function versionProblem(host: Spoken | undefined, manager = SPOKEN): string | undefined {
  if (!host)
    return `who asks does not say which version of the swarm's protocol it speaks, and this manager speaks ${manager.version}: is it another program, or an older Essaim?`;
  const versions = `the swarm's protocol there is ${range(host)}, here ${range(manager)}`;
  if (host.version < manager.oldest)
    return `this host's Essaim is too old for the manager (${versions}): update Essaim on the host`;
  if (manager.version < host.oldest)
    return `this host's Essaim is too new for the manager (${versions}): update Essaim on the managers first`;
  return undefined;
}

function range({ version, oldest }: Spoken): string {
  return oldest === version ? `${version}` : `${oldest} to ${version}`;
}
