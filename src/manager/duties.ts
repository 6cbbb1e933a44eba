/** What a manager does for as long as it leads: it certifies nodes, directs their agents, and controls the cluster. */
import { startControl } from '../control/runtime.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import type { Clock } from '../model/clock.ts';
import type { Measure } from '../model/measure.ts';
import type { Store } from '../store/contract.ts';
import { Attachments } from './attachments.ts';
import { createAuthority } from './ca/authority.ts';
import { externalAuthorities } from './ca/external.ts';
import type { Duties, ImageSource } from './contract.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { afterInput, bootedJustNow, probeHost } from './dispatcher/probe.ts';
import type { Log, ManagerOptions } from './manager.ts';
import { addressesOf } from './node-addresses.ts';
import type { Rests } from './rest.ts';
import { keepManagers } from './state/keeper.ts';
import { ManagersDesk } from './state/managers-desk.ts';

export interface DutiesOptions extends Rests {
  store: Store;
  identity: NodeIdentity;
  members?: ManagerOptions['members'];
  images?: ImageSource;
  clock: Clock;
  newId(): string;
  measure?: Measure | undefined;
  onError(error: unknown): void;
  log: Log;
}

export interface RunningDuties extends Duties {
  close(): Promise<void>;
}

export function beginDuties(options: DutiesOptions): RunningDuties {
  const { store, identity, clock, newId, rest, onError, log, images, members } = options;
  const { nodeId } = identity.certificate;
  const now = (): number => clock.now();
  const external = externalAuthorities(() => identity.credentials);
  const authority = createAuthority({ store, clock, external, rest, newId, onError });
  const dispatcher = new Dispatcher({
    ...{ store, clock, afterInput, rest, log, measure: options.measure },
    roots: () => authority.roots(),
    probe: probeHost,
    hostsMayBoot: bootedJustNow(),
  });
  const stop = new AbortController();
  const managers = members && new ManagersDesk({ ...members, store, authority, nodeId, newId, now, log });
  const keeping =
    managers &&
    keepManagers({
      ...{ store, nodeId, clock, onError, signal: stop.signal },
      leave: (id) => managers.leave(id),
      resign: () => void members.state.seat?.resign(),
      handOver: async (heirs) => members.state.seat?.handOver(heirs),
    });
  const control = startControl({
    ...{ store, clock, newId },
    signal: stop.signal,
    yieldTo: options.restOfPlanning,
    passed: (ms) => options.measure?.planned(ms),
    log: (message, error, object) => log.error({ err: error, ...object }, message),
  });
  return {
    authority,
    managers,
    sessions: dispatcher,
    attachments: new Attachments({ store, clock, newId }),
    addressesOf: (name) => addressesOf(store.view, name),
    images,
    async close() {
      stop.abort();
      await Promise.all([control, keeping]);
      dispatcher.close();
      await authority.close();
    },
  };
}
