/** What etcd is started with: a pure function, since each version has options of its own. */
import { LIMIT_FLAGS } from '../../store/etcd/limits.ts';
import type { Member } from '../../store/etcd/member-messages.ts';
import { isBefore, type Version } from './program.ts';

/**
 * How many changes make a member that is to be the only one write its state down. Its log may lack what it has applied, so
 * others that join must be given the state and not the log: after its next start it has no older one.
 */
export const SETTLING = 20;

/** How a member begins. */
export type Start =
  /** The first one of a cluster of its own. `token` sets it apart from every other cluster, of the same addresses too. */
  | { mode: 'new'; token: string }
  /** One that the others have added; `members` are all of them, itself included. */
  | { mode: 'join'; memberId: string; members: readonly Member[] }
  /** With the data that it has. */
  | { mode: 'again' }
  /** With the data that it has, as the only member that is left. Never on two members of a cluster. */
  | { mode: 'forceNew' };

export interface MemberSettings {
  version: Version;
  /** Among the members: the node's id. */
  name: string;
  /** Where the other members reach it, and the only address at which it listens for them. */
  peerHost: string;
  peerPort: number;
  /** Paths of PEM files: certificate and key (they may be one file), and the roots that vouch for other members. */
  files: { cert: string; key: string; ca: string };
}

/** Where the member's data is, in its folder. */
export const DATA = 'data';
/** The name of the socket of its API there: as etcd 3.4 makes it of a URL, in the folder that it is started in. */
export const SOCKET = 'localhost:2379';
/** The name that only managers' certificates have. */
export const MANAGER_NAME = 'swarm-manager';

/** Bytes of a member's file from which on etcd takes no more. */
export const QUOTA = 8 * 1024 ** 3;
/** Elections are held soon: without a leader nothing is written. All members must have the same timers. */
const HEARTBEAT_MS = 100;
const ELECTION_MS = 500;
/** etcd keeps so many of the last entries in memory, whatever their size; and, from 3.5 on, so many more behind them. */
const SNAPSHOT_COUNT = 5000;
const CATCH_UP_ENTRIES = 500;

const V3_5 = { major: 3, minor: 5, patch: 0 };
/** The first ones that check what has been compacted, and that can be told how many entries to keep. */
const COMPACT_CHECK = { major: 3, minor: 5, patch: 5 };
const CATCH_UP = { major: 3, minor: 5, patch: 14 };
const V3_6 = { major: 3, minor: 6, patch: 0 };

export function peerUrl(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The arguments of etcd. */
export function memberFlags(settings: MemberSettings, start: Start): string[] {
  const { name, peerHost, peerPort, files, version } = settings;
  const url = peerUrl(peerHost, peerPort);
  return [
    `--name=${name}`,
    `--data-dir=${DATA}`,
    `--listen-client-urls=unix://${SOCKET}`,
    `--advertise-client-urls=unix://${SOCKET}`,
    `--listen-peer-urls=${url}`,
    `--initial-advertise-peer-urls=${url}`,
    `--peer-cert-file=${files.cert}`,
    `--peer-key-file=${files.key}`,
    `--peer-trusted-ca-file=${files.ca}`,
    '--peer-client-cert-auth',
    `--peer-cert-allowed-hostname=${MANAGER_NAME}`,
    `--heartbeat-interval=${HEARTBEAT_MS}`,
    `--election-timeout=${ELECTION_MS}`,
    // A member that comes back asks first whether an election is wanted, and does not depose a leader that is well.
    '--pre-vote=true',
    ...LIMIT_FLAGS,
    `--quota-backend-bytes=${QUOTA}`,
    `--snapshot-count=${start.mode === 'forceNew' ? 1 : SNAPSHOT_COUNT}`,
    '--enable-grpc-gateway=false',
    '--logger=zap',
    '--log-outputs=stderr',
    ...versionFlags(version),
    ...startFlags(settings, start),
  ];
}

/**
 * A certificate is accepted from whatever address it comes, since hosts have several and change them: managers alone have
 * such certificates, and who dials still looks whether the certificate is for the address that it has dialled.
 */
function versionFlags(version: Version): string[] {
  if (!isBefore(version, V3_6)) {
    return [
      '--peer-skip-client-san-verification=true',
      `--snapshot-catchup-entries=${CATCH_UP_ENTRIES}`,
      '--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true',
    ];
  }
  const flags = ['--experimental-peer-skip-client-san-verification=true'];
  // The check of 3.4 asks the other members by their addresses for clients, which are sockets here.
  if (!isBefore(version, V3_5)) flags.push('--experimental-initial-corrupt-check=true');
  if (!isBefore(version, COMPACT_CHECK)) flags.push('--experimental-compact-hash-check-enabled=true');
  if (!isBefore(version, CATCH_UP)) flags.push(`--experimental-snapshot-catchup-entries=${CATCH_UP_ENTRIES}`);
  return flags;
}

function startFlags({ name, peerHost, peerPort }: MemberSettings, start: Start): string[] {
  switch (start.mode) {
    case 'new':
      return [
        '--initial-cluster-state=new',
        `--initial-cluster-token=${start.token}`,
        `--initial-cluster=${name}=${peerUrl(peerHost, peerPort)}`,
      ];
    case 'join':
      return [
        '--initial-cluster-state=existing',
        `--initial-cluster=${initialCluster(start.members, start.memberId, name)}`,
      ];
    case 'again':
      return [];
    case 'forceNew':
      return ['--force-new-cluster'];
  }
}

/** Members that have not started have no name yet: here only the one that is about to. */
function initialCluster(members: readonly Member[], memberId: string, name: string): string {
  return members
    .flatMap(({ ID, name: known, peerURLs }) => {
      const as = ID === memberId ? name : known || ID;
      return peerURLs.map((url) => `${as}=${url}`);
    })
    .join(',');
}

/** Whether an etcd that was started with `running` is as one that would be started with `wanted`, however it has begun. */
export function sameSettings(running: readonly string[], wanted: readonly string[]): boolean {
  const lasting = (flags: readonly string[]): string =>
    flags
      .filter((flag) => !/^--(initial-cluster|force-new-cluster)/.test(flag))
      .sort()
      .join('\n');
  return lasting(running) === lasting(wanted);
}
