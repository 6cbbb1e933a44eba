/** What a manager among several does for its place from time to time, whether it leads or not. */
import { pause } from '../../model/clock.ts';
import { messageOf } from '../../model/errors.ts';
import type { IssueAnswer } from '../../model/protocol.ts';
import type { Store } from '../../store/contract.ts';
import { readLead, takeLead } from '../../store/etcd/lead.ts';
import { theCluster, trustedRoots } from '../ca/cluster.ts';
import { peerUrl, QUOTA } from '../members/flags.ts';
import { savePeer } from '../members/kept-peer.ts';
import { isFor, peerRenewal, readPeer, requestPeer } from '../members/peer-files.ts';
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
  /** Told why the others do not know where this manager is; '': they do. */
  onPlace(misplaced: string): void;
  signal: AbortSignal;
}

/** Milliseconds between looks at the certificate, and at the host's address; and until a move is tried again. */
const LOOK = 10_000;
const GLANCE = 1_000;
const AGAIN = 2_000;
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
    keepPlace(options),
  ]);
}

/** Its certificate, where the others look for it, and the roots that it trusts are as they have to be. */
async function keepPlace(options: CareOptions): Promise<void> {
  const { clock, log, signal, address, onPlace } = options;
  /** What is to be said if it fails; '': it is done. */
  const tried = async (work: Promise<void>, what: string): Promise<string> => {
    try {
      await work;
      return '';
    } catch (error) {
      const text = `${what}: ${messageOf(error)}`;
      if (!signal.aborted) log.warn({ err: error }, text);
      return text;
    }
  };
  /** Where all know this manager to be. */
  let settled = '';
  let looked = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const here = address();
    if (here !== settled || clock.now() - looked >= LOOK) {
      looked = clock.now();
      await tried(renewCertificate(options, here), 'etcd’s certificate');
      if (here !== settled) {
        const misplaced = await tried(
          settle(options, here),
          `the other managers do not know that this one is at ${here}`,
        );
        onPlace(misplaced);
        if (misplaced === '') settled = here;
      }
      await tried(trustPresentRoots(options), 'etcd’s roots');
    }
    await pause(clock, here === settled ? GLANCE : AGAIN, signal);
  }
}

/** The other members, and all nodes, know where this manager is now. */
async function settle({ seat, folders, announce }: CareOptions, here: string): Promise<void> {
  const { client, member } = seat;
  if (member.peerHost !== here) {
    if (!isFor(await readPeer(folders.peer.live), here))
      throw new Error('it has no certificate for its new address yet');
    await member.restart({ peerHost: here });
  }
  await changeAddress(client, member.memberId, peerUrl(here, PEER_PORT));
  await announce();
}

async function renewCertificate(options: CareOptions, address: string): Promise<void> {
  const { store, folders, nodeId, certify, clock, fileKey } = options;
  const place = { ...folders.peer, fileKey };
  const cluster = theCluster(store.view);
  const { caCert } = cluster.internal;
  const present = await readPeer(folders.peer.live);
  const due = peerRenewal(present, { nodeId, clusterId: cluster.ID, address, root: caCert }, 0.5);
  if (clock.now() >= due) {
    const { csr, key } = await requestPeer();
    const { certificate, roots } = await certify({ csr, address });
    await savePeer(place, { certificate, key, roots });
    return;
  }
  // The old root is dropped when the rotation is over.
  const roots = trustedRoots(cluster);
  if (!cluster.RootRotationInProgress && present && present.roots.trim() !== roots.trim())
    await savePeer(place, { ...present, roots });
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
