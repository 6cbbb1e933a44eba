/** Hosts and wishes for tests of placement. */
import type { Candidate, Occupant } from '../rules/candidate.ts';
import { type Ask, emptyAsk } from '../rules/container-config.ts';
import { parseExpression } from '../rules/expression.ts';

export const GiB = 1024 ** 3;

export function occupant(name: string, changes: Partial<Occupant> = {}): Occupant {
  return {
    id: `id-of-${name}`,
    name,
    labels: {},
    ports: [],
    networkMode: 'default',
    exposed: [],
    memory: 0,
    cpus: 0,
    ...changes,
  };
}

/** A healthy host with 2 processors and 8 GiB. */
export function candidate(name: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    key: `${name}:2375`,
    id: `${name.toUpperCase()}|${name}:2375`,
    engineId: name.toUpperCase(),
    name,
    labels: {},
    healthy: true,
    health: 100,
    occupants: [],
    ports: [],
    images: [],
    volumes: new Map(),
    memory: 8 * GiB,
    cpus: 2,
    ...changes,
  };
}

/** Wishes with expressions as people write them. */
export function wish({
  constraints = [],
  affinities = [],
  whitelists = [],
  ...changes
}: Partial<Omit<Ask, 'constraints' | 'affinities' | 'whitelists'>> & {
  constraints?: string[];
  affinities?: string[];
  whitelists?: string[];
}): Ask {
  return emptyAsk({
    ...changes,
    constraints: constraints.map(parseExpression),
    affinities: affinities.map(parseExpression),
    whitelists: whitelists.map(parseExpression),
  });
}
