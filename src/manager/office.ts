/** Who leads the cluster, and how the API asks the leader. */
import type { Leader } from '../api/contract.ts';
import { noLeader } from '../model/errors.ts';
import type { Office } from './contract.ts';
import type { LeaderLink } from './leader-link.ts';

/** Of a cluster that has one manager: it leads for as long as it runs. */
export function soleOffice(nodeId: string): Office {
  return { leader: () => nodeId, isCurrent: () => true, watch: () => () => undefined };
}

/** Of a manager that has nobody to ask. */
export const SOLE_LEADER: Leader = {
  isHere: () => true,
  requireCurrent: () => undefined,
  connect: () => Promise.reject(new Error('this manager leads')),
  changed: () => Promise.resolve(),
};

/** @param isHere whether this manager leads and has taken up its duties */
export function leaderFace(office: Office, link: LeaderLink, isHere: () => boolean): Leader {
  return {
    isHere,
    requireCurrent() {
      if (!office.isCurrent()) throw noLeader();
    },
    connect: () => link.connectApi(),
    changed(patience) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, patience);
      const unwatch = office.watch(resolve);
      return promise.finally(() => {
        clearTimeout(timer);
        unwatch();
      });
    },
  };
}
