/**
 * Networks of the cluster that each node has for itself: they have an id and a name everywhere, but no addresses of the
 * cluster's, and nothing of them crosses from one node to the other.
 */
import type { Network } from './objects.ts';
import type { NetworkSpec } from './spec.ts';

/** Of the networks that every engine has by itself and services may name. */
const PREDEFINED_LABEL = 'com.docker.swarm.predefined';
const PREDEFINED = ['bridge', 'host'] as const;

export function isNodeLocal({ Driver }: NetworkSpec): boolean {
  return (Driver || 'overlay') !== 'overlay';
}

export function isPredefined({ Labels }: NetworkSpec): boolean {
  return Labels?.[PREDEFINED_LABEL] === 'true';
}

/** What stands for the engines' own networks in a cluster. `at`: the time as objects carry it. */
export function predefinedNetworks(newId: () => string, at: string): Network[] {
  return PREDEFINED.map((name) => ({
    ...{ ID: newId(), Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    Spec: { Name: name, Driver: name, Scope: 'swarm', Labels: { [PREDEFINED_LABEL]: 'true' } },
    internal: {},
  }));
}
