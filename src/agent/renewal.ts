/** Keeps a node's certificate good: renews it in the second half of its life, and at once when asked to. */

import { createRequest } from '../identity/authority.ts';
import { renewalTime } from '../identity/expiry.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Clock } from '../model/clock.ts';
import type { IssueAnswer, RenewRequest } from '../model/protocol.ts';
import { callLeader } from './leader.ts';

/** Least time (ms) between two renewals, should the clocks of node and manager disagree by more than a certificate's life. */
const LEAST = 60_000;
/** After a failure (ms): managers may be away for a while, certificates last at least an hour. */
const RETRY_FIRST = 1_000;
const RETRY_MOST = 60_000;

export interface RenewalOptions {
  identity: NodeIdentity;
  /** Addresses of managers, host:port. */
  managers(): string[];
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** Told of every attempt that failed; there will be another one. */
  onError(error: unknown): void;
}

export interface Renewal {
  /** Gets a new certificate now; one that is being fetched already may be by the old root and does not count. */
  renewNow(): void;
  close(): Promise<void>;
}

export function startRenewal({ identity, managers, clock, random, onError }: RenewalOptions): Renewal {
  const over = new AbortController();
  let cancel = () => {};
  let running: Promise<void> | undefined;
  let wanted = false;
  let retry = RETRY_FIRST;

  function plan(least: number): void {
    wait(Math.max(renewalTime(identity.certificate, random()) - clock.now(), least));
  }

  function wait(ms: number): void {
    cancel();
    if (over.signal.aborted) return;
    // Waits of weeks are longer than a timer can be, so the time is looked at again now and then.
    const step = Math.min(Math.max(ms, 0), 24 * 3_600_000);
    cancel = clock.timer(step, () => (ms > step ? wait(ms - step) : renewNow()));
  }

  function renewNow(): void {
    wanted = true;
    if (running !== undefined || over.signal.aborted) return;
    cancel();
    running = run().then(
      () => {
        running = undefined;
        retry = RETRY_FIRST;
        if (wanted) renewNow();
        else plan(LEAST);
      },
      (error: unknown) => {
        running = undefined;
        if (over.signal.aborted) return;
        onError(error);
        wait(retry);
        retry = Math.min(retry * 2, RETRY_MOST);
      },
    );
  }

  async function run(): Promise<void> {
    wanted = false;
    const { csr, key } = await createRequest();
    const body: RenewRequest = { csr };
    const { certificate } = (await callLeader(
      identity,
      managers(),
      over.signal,
      '/ca/renew',
      body,
    )) as IssueAnswer;
    // Roots come in the session, in the order in which they change.
    await identity.update({ key, certificate });
  }

  plan(0);
  return {
    renewNow,
    async close() {
      over.abort(new Error('closed'));
      cancel();
      await running;
    },
  };
}
