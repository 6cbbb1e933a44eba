/** What of a host's networks is not as it was made, found and put right. */
import type { DataPlaneCounters, Difference, NetworkLog } from './contract.ts';
import type { HostSide } from './host/host.ts';
import type { Overlays } from './overlays.ts';
import { attempts, together } from './rounds/attempts.ts';
import type { Tunnels } from './wireguard/tunnels.ts';

export interface DriftOptions {
  tunnels: Tunnels;
  overlays: Overlays;
  host: HostSide;
  /** `mended` is counted. */
  counters: DataPlaneCounters;
  log: NetworkLog;
}

export class Drift {
  readonly #options: DriftOptions;

  constructor(options: DriftOptions) {
    this.#options = options;
  }

  /** Changes nothing. @throws if it cannot look somewhere */
  async find(): Promise<Difference[]> {
    const { found, failures } = await this.#look(false);
    if (failures.length > 0) throw together(failures);
    return found;
  }

  /** Puts right what somebody else has changed. @throws what it could not, after all else was done */
  async mend(): Promise<void> {
    const { found, failures } = await this.#look(true);
    this.#count(found);
    if (failures.length > 0) throw together(failures);
  }

  /**
   * The host's table alone. Never rejects: what cannot be done here is done, or told, by the next `mend`.
   * Returns whether there was something to do.
   */
  async mendTable(): Promise<boolean> {
    const mended = await this.#options.host.mendTable().catch(() => []);
    this.#count(mended);
    return mended.length > 0;
  }

  #count(mended: readonly Difference[]): void {
    if (mended.length === 0) return;
    const { counters, log } = this.#options;
    counters.mended += mended.length;
    log.warn(
      { differences: mended.slice(0, 20).map((difference) => difference.message) },
      `mended ${mended.length} differences between the kernel and the networks`,
    );
  }

  /** What is wrong in one place keeps no other from being looked at, and mended. */
  async #look(mend: boolean): Promise<{ found: Difference[]; failures: readonly Error[] }> {
    const { tunnels, overlays, host } = this.#options;
    const { failures, attempt } = attempts();
    const found: Difference[] = [];
    await attempt(async () => void found.push(...(await tunnels.check(mend))));
    found.push(...(await overlays.check(mend, attempt)));
    await attempt(async () => void found.push(...(await host.check(mend))));
    return { found, failures };
  }
}
