/** What a manager among several does for its place from time to time, whether it leads or not. */
import { type Clock, pause } from '../../model/clock.ts';
import { messageOf } from '../../model/errors.ts';
import type { IssueAnswer } from '../../model/protocol.ts';
import type { Store } from '../../store/contract.ts';
import { readLead, takeLead } from '../../store/etcd/lead.ts';
import { theCluster, trustedRoots } from '../ca/cluster.ts';
import { peerUrl, QUOTA } from '../members/flags.ts';
import { peerRenewal, readPeer, requestPeer, writePeer, writeRoots } from '../members/peer-files.ts';
import { reunite } from '../peers/reunite.ts';
import { changeAddress } from '../peers/steps.ts';
import { Upkeep } from '../peers/upkeep.ts';
import { PEER_PORT, type Seat } from './seat.ts';
import type { StateOptions } from './state.ts';

export interface CareOptions extends StateOptions {
  store: Store;
  seat: Seat;
  /** Tells the leader where this manager is. */
  announce(): Promise<void>;
  /** Has the leader certify this manager's etcd. */
  certify(request: { csr: string; address: string }): Promise<IssueAnswer>;
  /** Told what alarms etcd has, in words. */
  onAlarms(texts: readonly string[]): void;
  signal: AbortSignal;
}

/** Milliseconds between looks at the certificate. */
const LOOK = 10_000;
/** How long (s) the others leave their members alone while one is started anew. */
const RESTART_SECONDS = 15;
const RESTARTING = '/essaim-restarting';

/** Runs until aborted; what fails is told, and tried again. */
export async function careFor(options: CareOptions): Promise<void> {
  const { seat, clock, log, signal } = options;
  const upkeep = new Upkeep({
    client: seat.client,
    quota: QUOTA,
    needed: () => seat.store.shown,
    onAlarms: options.onAlarms,
    log,
  });
  await Promise.all([
    upkeep.run(clock, signal),
    reunite({ member: seat.member, clock, log, signal }),
    untilDone(clock, signal, log, () => settleAddress(options)),
    keepCertified(options),
  ]);
}

/** The other members, and all nodes, know where this manager is now. */
async function settleAddress({ seat, address, announce }: CareOptions): Promise<void> {
  await changeAddress(seat.client, seat.member.memberId, peerUrl(address, PEER_PORT));
  await announce();
}

async function keepCertified(options: CareOptions): Promise<void> {
  const { clock, log, signal } = options;
  while (!signal.aborted) {
    try {
      await renewCertificate(options);
      await trustPresentRoots(options);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, `etcd’s certificate: ${messageOf(error)}`);
    }
    await pause(clock, LOOK, signal);
  }
}

async function renewCertificate(options: CareOptions): Promise<void> {
  const { store, folders, nodeId, address, certify, clock } = options;
  const cluster = theCluster(store.view);
  const { caCert } = cluster.internal;
  const present = await readPeer(folders.peer);
  const due = peerRenewal(present, { nodeId, clusterId: cluster.ID, address, root: caCert }, 0.5);
  if (clock.now() >= due) {
    const { csr, key } = await requestPeer();
    const { certificate, roots } = await certify({ csr, address });
    await writePeer(folders.peer, { certificate, key, roots });
    return;
  }
  // The old root is dropped when the rotation is over.
  const roots = trustedRoots(cluster);
  if (!cluster.RootRotationInProgress && present && present.roots.trim() !== roots.trim())
    await writeRoots(folders.peer, roots);
}

/** etcd reads its roots as it starts: each member is started anew with others, one at a time. */
async function trustPresentRoots({ seat, store, nodeId }: CareOptions): Promise<void> {
  const { member, client } = seat;
  if (theCluster(store.view).RootRotationInProgress || !(await member.rootsChanged())) return;
  if (await readLead(client, RESTARTING)) return;
  const { ID } = await client.grant({ TTL: RESTART_SECONDS });
  if (!(await takeLead(client, RESTARTING, nodeId, { lease: ID }))) return;
  await member.restart();
}

async function untilDone(
  clock: Clock,
  signal: AbortSignal,
  log: StateOptions['log'],
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, `the other managers are not told yet where this one is: ${messageOf(error)}`);
      await pause(clock, LOOK, signal);
    }
  }
}
