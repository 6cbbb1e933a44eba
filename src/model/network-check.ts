/** What hosts say when they are asked whether their networks are as the manager wants them, and what it makes of that. */
import { createHash } from 'node:crypto';
import type { NetworkState } from './network-state.ts';

export interface CheckReport {
  /** The revision of the state that the host's kernel is at; absent before the first. */
  revision?: number;
  /** What the host was told, as `digestsOf` its state has it. */
  told: Record<string, string>;
  /** What its kernel has otherwise, for people; `network`: the id of the one concerned. */
  differences: Array<{ network?: string; message: string }>;
  /** Differences that were mended since its daemon was started. */
  mended: number;
}

/** A host in the answer to `essaim network check`. */
export interface HostCheck {
  node: string;
  /** Its name. */
  host: string;
  revision?: number;
  /** How many networks it is to have. */
  networks: number;
  /** What differs, for people. */
  differences: string[];
  mended?: number;
  /** Why nothing is known of it. */
  error?: string;
}

export interface ClusterCheck {
  /** The store's, at the time of the answer. */
  revision: number;
  hosts: HostCheck[];
}

/** The key of the ports that are published on all hosts, among networks' ids. */
export const PUBLISHED = 'published ports';

/** By network, the digest of what is to be there: equal on both sides if both have the same in mind. */
export function digestsOf({ networks, published, dataPathPort }: NetworkState): Record<string, string> {
  const digests = networks.map((network) => [network.id, digest([dataPathPort, network])] as const);
  return Object.fromEntries([...digests, [PUBLISHED, digest(published)] as const]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}
