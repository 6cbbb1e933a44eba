/** Containers of all hosts by what people call them. */
import type { Host } from '../fleet/contract.ts';
import type { ContainerRecord } from '../fleet/records.ts';
import { ApiError } from '../model/errors.ts';
import { hostName, isCalled } from './names.ts';
import { SWARM_ID } from './rules/container-config.ts';

export interface Found {
  host: Host;
  container: ContainerRecord;
}

const SHORT = 12;

/**
 * By full or short id, swarm id (it stays the same where a container is created anew elsewhere), name or `node/name`,
 * the beginning of an id. Undefined if there is none, or more than one where that is no sure thing.
 */
export function findContainer(hosts: readonly Host[], reference: string): Found | undefined {
  if (reference === '') return undefined;
  for (const host of hosts) {
    const container = host.containers.get(reference);
    if (container) return { host, container };
  }
  const all = hosts.flatMap((host) =>
    [...host.containers.values()].map((container) => ({ host, container })),
  );
  const short = (id: string | undefined): boolean =>
    id !== undefined && (id === reference || (reference.length === SHORT && id.startsWith(reference)));
  const swarmId = ({ container }: Found): string | undefined => container.labels[SWARM_ID];
  return (
    all.find(({ container }) => short(container.id)) ??
    all.find((each) => short(swarmId(each))) ??
    only(all.filter((each) => hasName(each, reference))) ??
    only(
      all.filter((each) => each.container.id.startsWith(reference) || swarmId(each)?.startsWith(reference)),
    )
  );
}

/** One that was found on an engine that is a member by two addresses is one. */
function only([first, ...others]: readonly Found[]): Found | undefined {
  return others.every(({ container }) => container.id === first?.container.id) ? first : undefined;
}

function hasName({ host, container }: Found, reference: string): boolean {
  const bare = reference.replace(/^\//, '');
  if (container.name === bare) return true;
  const slash = bare.indexOf('/');
  return slash > 0 && bare.slice(slash + 1) === container.name && isCalled(host, bare.slice(0, slash));
}

/** The wordings differ by route, as they always have. */
export const MISSING = {
  plain: (reference: string) => `No such container ${reference}`,
  proxied: (reference: string) => `No such container: ${reference}`,
  removal: (reference: string) => `Container ${reference} not found`,
} as const;

/** @throws ApiError 404 in the wording of the route */
export function mustFind(
  hosts: readonly Host[],
  reference: string,
  wording: keyof typeof MISSING = 'plain',
): Found {
  const found = findContainer(hosts, reference);
  if (!found) throw new ApiError(404, MISSING[wording](reference));
  return found;
}

/** @throws ApiError 500 if its host does not answer just now */
export function onHealthyHost(found: Found, reference: string): Found {
  if (found.host.status === 'Healthy') return found;
  throw new ApiError(500, `Container ${reference} running on unhealthy node ${hostName(found.host)}`);
}

/** Throws ApiError 409 for the container of a task of the swarm. `advice`: why, or what to do instead. */
export function refuseTask({ name, labels }: ContainerRecord, advice: string): void {
  const service = labels['com.docker.swarm.service.name'];
  if (service === undefined) return;
  throw new ApiError(409, `container ${name} is a task of the swarm's service ${service}: ${advice}`);
}
