/**
 * A host whose address was never given, but taken from one of its interfaces, follows that interface: it comes back with
 * a new lease, or as a copy of itself somewhere else, and is the same node by its certificate.
 */

import type { JoinRequest } from '../../api/contract.ts';
import type { Clock } from '../../model/clock.ts';
import { pause } from '../../model/clock.ts';
import type { MembershipRecord } from '../membership/swarm-dir.ts';
import { type HostInterface, isUnspecified, resolveAddresses, splitHostPort } from './address.ts';

const EVERYWHERE = '0.0.0.0';
/** Milliseconds. */
const LOOK_EVERY = 1_000;

/** The host's address for what containers say to each other. */
export function underlayOf({ dataPathHost, advertiseHost }: Place): string {
  return dataPathHost ?? advertiseHost;
}

/** The parts of the record that say where the host is. */
export type Place = Pick<MembershipRecord, 'advertiseHost' | 'dataPathHost'>;

/** What the addresses that a user gave for a host were taken from: an interface's name, or '' for the only address there was. */
export function placesOf(
  given: Pick<JoinRequest, 'ListenAddr' | 'AdvertiseAddr' | 'DataPathAddr'>,
  interfaces: readonly HostInterface[],
): Pick<MembershipRecord, 'advertiseFrom' | 'dataPathFrom'> {
  const isInterface = (name: string) => interfaces.some((i) => i.name === name);
  const hostOf = (text: string | null | undefined) => splitHostPort(text ?? '')?.host ?? '';
  const listen = hostOf(given.ListenAddr);
  const listensEverywhere = listen === '' || isUnspecified(listen);
  const advertiseFrom = hostOf(given.AdvertiseAddr) || (listensEverywhere ? '' : listen);
  const dataPathFrom = given.DataPathAddr ?? '';
  return {
    ...((advertiseFrom === '' || isInterface(advertiseFrom)) && { advertiseFrom }),
    ...(isInterface(dataPathFrom) && { dataPathFrom }),
  };
}

/**
 * What of it is otherwise now; undefined if nothing is, or if it cannot be said where the host is. A manager that listens
 * at one address alone stays there.
 */
export function newPlace(
  record: MembershipRecord,
  interfaces: readonly HostInterface[],
): Partial<Place> | undefined {
  if (record.role === 'manager' && !isUnspecified(record.listenHost)) return undefined;
  // An address that the host still has is as good as any other.
  const has = (address: string) => interfaces.some((i) => i.addresses.includes(address));
  const moved = (from: string | undefined, address: string | undefined) =>
    from === undefined || address === undefined || has(address) ? undefined : addressFrom(from, interfaces);
  const advertiseHost = moved(record.advertiseFrom, record.advertiseHost);
  const dataPathHost = moved(record.dataPathFrom, record.dataPathHost);
  if (advertiseHost === undefined && dataPathHost === undefined) return undefined;
  return { ...(advertiseHost && { advertiseHost }), ...(dataPathHost && { dataPathHost }) };
}

function addressFrom(name: string, interfaces: readonly HostInterface[]): string | undefined {
  try {
    return resolveAddresses(EVERYWHERE, name, interfaces).advertiseHost;
  } catch {
    // It has none just now, or more than one.
    return undefined;
  }
}

export interface FollowOptions {
  record(): MembershipRecord;
  interfaces(): HostInterface[];
  clock: Clock;
  /** The host is elsewhere now. */
  moved(place: Partial<Place>): void;
  signal: AbortSignal;
}

/** Looks after the host's address until aborted. */
export async function followAddress(options: FollowOptions): Promise<void> {
  const { record, interfaces, clock, moved, signal } = options;
  const { advertiseFrom, dataPathFrom } = record();
  if (advertiseFrom === undefined && dataPathFrom === undefined) return;
  while (!signal.aborted) {
    const place = newPlace(record(), interfaces());
    if (place) moved(place);
    await pause(clock, LOOK_EVERY, signal);
  }
}
