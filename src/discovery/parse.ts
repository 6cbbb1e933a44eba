/** Discovery URLs: `scheme://rest`; a list of addresses without a scheme. */

import { consulStore } from './consul.ts';
import {
  type Discovery,
  DiscoveryError,
  type DiscoveryOptions,
  type Election,
  type Shelf,
} from './contract.ts';
import { etcdStore } from './etcd.ts';
import { keyedDiscovery } from './keyed.ts';
import { fileDiscovery, nodesDiscovery } from './simple.ts';
import { tokenDiscovery } from './token.ts';

export interface Found {
  discovery: Discovery;
  /** Where a leader can be elected, if that is possible there. */
  election?: Election;
  /** Where managers can keep something, if that is possible there. */
  shelf?: Shelf;
}

/** @throws DiscoveryError */
export function findDiscovery(url: string, options: DiscoveryOptions): Found {
  const found = /^([A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(url);
  const [scheme, rest] = found ? [found[1]!.toLowerCase(), found[2]!] : ['nodes', url];
  switch (scheme) {
    case 'nodes':
      return { discovery: nodesDiscovery(rest) };
    case 'file':
      return { discovery: fileDiscovery(rest, options) };
    case 'token':
      return { discovery: tokenDiscovery(rest, options) };
    case 'etcd':
      return keyedDiscovery(scheme, rest, etcdStore, options);
    case 'consul':
      return keyedDiscovery(scheme, rest, consulStore, options);
    case 'zk':
      throw new DiscoveryError(
        'discovery by ZooKeeper is not supported: use etcd://, consul://, token://, file:// or a list',
      );
    default:
      throw new DiscoveryError('discovery service not supported');
  }
}
