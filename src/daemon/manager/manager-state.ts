/** The state of a manager on this host's disk: where it is, and what is done to it apart from any manager that runs. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManagerState, StateFolders, StateOptions } from '../../manager/state/state.ts';
import { type Clock, timestamp } from '../../model/clock.ts';
import { newId } from '../../model/id.ts';
import { isPredefined, predefinedNetworks } from '../../model/node-local.ts';
import type { Store } from '../../store/contract.ts';
import { type MembershipRecord, SWARM } from '../membership/swarm-dir.ts';
import type { Log } from '../process/log.ts';

export const DATABASE = 'cluster.db';
export const DATA_KEY = 'cluster.db.key';
/** Mounted memory. */
const PEER = 'peer';
const KEPT_PEER = 'peer.json';
/** In the daemon's folder: the path of a socket must be short. */
const ETCD = 'etcd';

interface HereOptions {
  /** The daemon's folder, and that of the membership in it. */
  data: string;
  swarm: string;
  /** What the host's files are encrypted with, if they are. */
  fileKey: Buffer | undefined;
  clock: Clock;
  log: Log;
}

/** @param data the daemon's folder. @param swarm that of its membership */
export function stateFolders(data: string, swarm: string): StateFolders {
  return {
    database: join(swarm, DATABASE),
    dataKey: join(swarm, DATA_KEY),
    peer: { live: join(data, PEER), kept: join(swarm, KEPT_PEER) },
    etcd: join(data, ETCD),
  };
}

/**
 * Opens the state of a host on which no manager runs, as that of the only manager there is: of the record, which may have
 * another address than before. @throws StoreError, or what keeps etcd from that
 */
export async function openAnew(
  record: MembershipRecord,
  { data, swarm, fileKey, clock, log }: HereOptions,
): Promise<ManagerState> {
  const { ManagerState } = await import('../../manager/state/state.ts');
  const options: StateOptions = {
    ...{ folders: stateFolders(data, swarm), clock, log },
    ...{ nodeId: record.nodeId, address: () => record.advertiseHost, fileKey: () => fileKey },
  };
  return record.etcd ? ManagerState.openAnew(options) : ManagerState.openAlone(options);
}

/** Moves a member's folder out of the way, whatever is in it. @returns where it is from then on */
export async function putAside(folder: string, now: number): Promise<string> {
  const path = `${folder}.other-${now}`;
  await rename(folder, path);
  return path;
}

/** Ends the etcd of a manager that this host was, and removes its data. @param data the daemon's folder */
export async function removeEtcd(data: string): Promise<void> {
  const { etcd, peer } = stateFolders(data, join(data, SWARM));
  if (existsSync(etcd)) {
    const { wipeMember } = await import('../../manager/members/member.ts');
    await wipeMember(etcd);
    await rm(etcd, { recursive: true, force: true });
  }
  if (existsSync(peer.live)) {
    const { forgetPeer } = await import('../../manager/members/kept-peer.ts');
    await forgetPeer(peer);
  }
}

/** What stands for the engines' own networks has to be there before a service can name one. */
export async function ensurePredefined(store: Store, clock: Clock): Promise<void> {
  const names = new Set([...store.view.all('network')].map(({ Spec }) => isPredefined(Spec) && Spec.Name));
  const missing = predefinedNetworks(newId, timestamp(clock.now())).filter(
    ({ Spec }) => !names.has(Spec.Name!),
  );
  if (missing.length === 0) return;
  await store.commit({ changes: missing.map((object) => ({ op: 'put', kind: 'network', object })) });
}

/** The only manager says itself where it is. @param addr host:port */
export async function noteAddress(store: Store, nodeId: string, addr: string, clock: Clock): Promise<void> {
  await store.commit((view) => {
    const node = view.get('node', nodeId);
    if (!node?.ManagerStatus || node.ManagerStatus.Addr === addr) return { changes: [] };
    const ManagerStatus = { ...node.ManagerStatus, Addr: addr };
    const object = { ...node, ManagerStatus, UpdatedAt: timestamp(clock.now()) };
    return { changes: [{ op: 'put', kind: 'node', object }] };
  });
}
