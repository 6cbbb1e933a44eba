/** A host's networks with their names: a data plane whose states the name server follows, the last known one at once. */
import type { DataPlane, DataPlaneOptions } from './contract.ts';
import { createDataPlane } from './data-plane.ts';
import { DnsServer } from './dns/server.ts';
import { LateNames } from './late/late-names.ts';

export interface HostNetworks extends DataPlane {
  readonly names: DnsServer;
}

/** Resolves when the data plane is there; see `createDataPlane`. */
export async function createHostNetworks(options: DataPlaneOptions): Promise<HostNetworks> {
  const { clock, log } = options;
  const lateNames = Promise.withResolvers<LateNames>();
  const named = async (sandbox: string): Promise<void> => (await lateNames.promise).named(sandbox);
  const plane = await createDataPlane({ ...options, named });
  const names = new DnsServer({ plane, clock, log });
  const late = new LateNames({ plane, names, clock, log });
  lateNames.resolve(late);
  let shownState = plane.state;
  const show = (): void => {
    if (shownState) names.update(plane.present(shownState));
  };
  show();
  const stopFollowing = plane.onGone(show);
  let turns = 0;
  let shown = 0;
  return {
    names,
    tunnelKey: plane.tunnelKey,
    get state() {
      return plane.state;
    },
    present: (state) => plane.present(state),
    onGone: (changed) => plane.onGone(changed),
    get revision() {
      return plane.revision;
    },
    get counters() {
      return plane.counters;
    },
    async apply(state) {
      const turn = ++turns;
      try {
        await plane.apply(state);
      } finally {
        // Not before: what has a name is asked for at once, and has to be reached then. Also when the kernel is not all
        // right in some place: what is said of all the others is true.
        if (turn > shown) {
          shown = turn;
          shownState = state;
          show();
        }
      }
    },
    moveTo: (underlayAddress) => plane.moveTo(underlayAddress),
    ensureNetwork: (networkId, signal) => plane.ensureNetwork(networkId, signal),
    complete: (container) => plane.complete(container),
    networksInUse: () => plane.networksInUse(),
    dnsServerFor: (networkId) => plane.dnsServerFor(networkId),
    dnsListenAddresses: () => plane.dnsListenAddresses(),
    onDnsListenAddresses: (changed) => plane.onDnsListenAddresses(changed),
    lateContainers: () => plane.lateContainers(),
    onLateContainers: (changed) => plane.onLateContainers(changed),
    check: () => plane.check(),
    async close() {
      stopFollowing();
      await late.close();
      await names.close();
      await plane.close();
    },
    async remove() {
      stopFollowing();
      await late.close();
      await names.close();
      await plane.remove();
    },
  };
}
