/** The data plane of a simulated host: it is as it was last told to be, a little later. */
import type { HostNetworks } from '../../src/agent/contract.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';

const APPLY_TIME = 10;

export class FakeNetworks {
  /** What the kernel is. */
  state: NetworkState | undefined;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** True if the host's balancers and names in one of those networks lead to the task. */
  leadsTo(taskId: string, networkIds: readonly string[]): boolean {
    const networks = this.state?.networks.filter(({ id }) => networkIds.includes(id)) ?? [];
    return networks.flatMap((network) => network.services).some(({ ready }) => ready.includes(taskId));
  }

  face(process: Process): HostNetworks {
    return {
      apply: (state) =>
        process.promise((resolve) => {
          this.#clock.timer(this.#random.latency(APPLY_TIME), () => {
            if (!process.alive) return;
            // What was asked for meanwhile may be newer: the newest wins.
            if (!this.state || state.revision >= this.state.revision) this.state = state;
            resolve(undefined);
          });
        }),
    };
  }
}
