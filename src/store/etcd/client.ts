/** Calls of etcd's API (gRPC) to the member on this host, over its unix socket. */
import type { Readable } from 'node:stream';
import { Channel, type ClientOptions, type EtcdError, type Method, type StreamCall } from './grpc/channel.ts';
import {
  type LeaseGrantRequest,
  type LeaseRequest,
  type LeaseResponse,
  leaseGrantRequest,
  leaseRequest,
  leaseResponse,
} from './lease-messages.ts';
import {
  type Alarm,
  type AlarmRequest,
  type AlarmResponse,
  alarmRequest,
  alarmResponse,
  DISARM,
  LIST,
  type MoveLeaderRequest,
  moveLeaderRequest,
  type SnapshotResponse,
  type StatusResponse,
  snapshotResponse,
  statusResponse,
} from './maintenance-messages.ts';
import {
  type Member,
  type MemberAddRequest,
  type MemberAddResponse,
  type MemberListRequest,
  type MemberRequest,
  type MembersResponse,
  type MemberUpdateRequest,
  memberAddRequest,
  memberAddResponse,
  memberListRequest,
  memberRequest,
  membersResponse,
  memberUpdateRequest,
} from './member-messages.ts';
import {
  type CompactionRequest,
  compactionRequest,
  done,
  nothing,
  type RangeRequest,
  type RangeResponse,
  rangeRequest,
  rangeResponse,
  type TxnRequest,
  type TxnResponse,
  txnRequest,
  txnResponse,
  type WatchRequest,
  type WatchResponse,
  watchRequest,
  watchResponse,
} from './messages.ts';

export { type ClientOptions, EtcdError } from './grpc/channel.ts';

/** A stream of changes that goes on until it is ended. */
export type WatchCall = StreamCall<WatchRequest>;
/** A stream on which leases are kept alive: each request is answered with how long (s) the lease has from then on. */
export type KeepAliveCall = StreamCall<LeaseRequest>;

/** What the state of a swarm is read, followed and written with. */
export type StateClient = Pick<EtcdClient, 'range' | 'txn' | 'watch'>;
/** What somebody is put on record with, for as long as there are signs of life. */
export type LeadClient = Pick<EtcdClient, 'range' | 'txn' | 'grant' | 'revoke' | 'keepAlive' | 'status'>;

export class EtcdClient {
  readonly #channel: Channel;

  constructor(options: ClientOptions) {
    this.#channel = new Channel(options);
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#channel.call(RANGE, request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#channel.call(TXN, request);
  }

  /** Forgets what there was before the revision. */
  async compact(request: CompactionRequest): Promise<void> {
    await this.#channel.call(COMPACT, request);
  }

  /** `ended` is called once, when etcd or the connection has ended the stream. */
  watch(heard: (response: WatchResponse) => void, ended: (error: EtcdError) => void): WatchCall {
    return this.#channel.converse(WATCH, heard, ended);
  }

  /** A lease of at least so many seconds: keys that were put with it go when it ends. */
  grant(request: LeaseGrantRequest): Promise<LeaseResponse> {
    return this.#channel.call(GRANT, request);
  }

  /** Ends a lease, and with it its keys. */
  async revoke(request: LeaseRequest): Promise<void> {
    await this.#channel.call(REVOKE, request);
  }

  /** `ended` is called once, when etcd or the connection has ended the stream. An answer with TTL 0: no such lease. */
  keepAlive(heard: (response: LeaseResponse) => void, ended: (error: EtcdError) => void): KeepAliveCall {
    return this.#channel.converse(KEEP_ALIVE, heard, ended);
  }

  /** How this member does; answered without a leader, and by learners, too. */
  status(): Promise<StatusResponse> {
    return this.#channel.call(STATUS, {});
  }

  /** Has another member lead; refused by any member but the leading one. */
  async moveLeader(request: MoveLeaderRequest): Promise<void> {
    await this.#channel.call(MOVE_LEADER, request);
  }

  /** Makes this member's file as small as what is in it; the member does nothing else meanwhile. `timeout` in ms. */
  async defragment(timeout: number): Promise<void> {
    await this.#channel.call(DEFRAGMENT, {}, timeout);
  }

  /** The alarms of all members. Without a leader `status().errors` has those that this one knows of. */
  async alarms(): Promise<Alarm[]> {
    return (await this.#channel.call(ALARM, { action: LIST, memberID: '', alarm: 0 })).alarms;
  }

  /** Ends an alarm. What has raised it must be gone, or it is raised again. */
  async disarm({ memberID, alarm }: Alarm): Promise<void> {
    await this.#channel.call(ALARM, { action: DISARM, memberID, alarm });
  }

  /** This member's database at one revision, as `etcdctl snapshot save` writes it: a stream of SnapshotResponse. */
  snapshot(): Readable {
    return this.#channel.read(SNAPSHOT, {});
  }

  memberAdd(request: MemberAddRequest): Promise<MemberAddResponse> {
    return this.#channel.call(MEMBER_ADD, request);
  }

  /** Makes a learner a voting member. @returns all members */
  async memberPromote(request: MemberRequest): Promise<Member[]> {
    return (await this.#channel.call(MEMBER_PROMOTE, request)).members;
  }

  /** @returns the members that are left */
  async memberRemove(request: MemberRequest): Promise<Member[]> {
    return (await this.#channel.call(MEMBER_REMOVE, request)).members;
  }

  async memberUpdate(request: MemberUpdateRequest): Promise<Member[]> {
    return (await this.#channel.call(MEMBER_UPDATE, request)).members;
  }

  async memberList(request: MemberListRequest): Promise<Member[]> {
    return (await this.#channel.call(request.linearizable ? MEMBER_LIST : KNOWN_MEMBERS, request)).members;
  }

  close(): void {
    this.#channel.close();
  }
}

const RANGE: Method<RangeRequest, RangeResponse> = {
  name: 'KV/Range',
  request: rangeRequest,
  answer: rangeResponse,
};
const TXN: Method<TxnRequest, TxnResponse> = { name: 'KV/Txn', request: txnRequest, answer: txnResponse };
const COMPACT: Method<CompactionRequest, object> = {
  name: 'KV/Compact',
  request: compactionRequest,
  answer: done,
};
const WATCH: Method<WatchRequest, WatchResponse> = {
  name: 'Watch/Watch',
  request: watchRequest,
  answer: watchResponse,
};
const GRANT: Method<LeaseGrantRequest, LeaseResponse> = {
  name: 'Lease/LeaseGrant',
  request: leaseGrantRequest,
  answer: leaseResponse,
};
const REVOKE: Method<LeaseRequest, object> = {
  name: 'Lease/LeaseRevoke',
  request: leaseRequest,
  answer: done,
};
const KEEP_ALIVE: Method<LeaseRequest, LeaseResponse> = {
  name: 'Lease/LeaseKeepAlive',
  request: leaseRequest,
  answer: leaseResponse,
};
const STATUS: Method<object, StatusResponse> = {
  name: 'Maintenance/Status',
  request: nothing,
  answer: statusResponse,
  local: true,
};
const MOVE_LEADER: Method<MoveLeaderRequest, object> = {
  name: 'Maintenance/MoveLeader',
  request: moveLeaderRequest,
  answer: done,
};
const DEFRAGMENT: Method<object, object> = {
  name: 'Maintenance/Defragment',
  request: nothing,
  answer: done,
  local: true,
};
const ALARM: Method<AlarmRequest, AlarmResponse> = {
  name: 'Maintenance/Alarm',
  request: alarmRequest,
  answer: alarmResponse,
};
const SNAPSHOT: Method<object, SnapshotResponse> = {
  name: 'Maintenance/Snapshot',
  request: nothing,
  answer: snapshotResponse,
  local: true,
};
const MEMBER_ADD: Method<MemberAddRequest, MemberAddResponse> = {
  name: 'Cluster/MemberAdd',
  request: memberAddRequest,
  answer: memberAddResponse,
};
const MEMBER_PROMOTE: Method<MemberRequest, MembersResponse> = {
  name: 'Cluster/MemberPromote',
  request: memberRequest,
  answer: membersResponse,
};
const MEMBER_REMOVE: Method<MemberRequest, MembersResponse> = {
  name: 'Cluster/MemberRemove',
  request: memberRequest,
  answer: membersResponse,
};
const MEMBER_UPDATE: Method<MemberUpdateRequest, MembersResponse> = {
  name: 'Cluster/MemberUpdate',
  request: memberUpdateRequest,
  answer: membersResponse,
};
const MEMBER_LIST: Method<MemberListRequest, MembersResponse> = {
  name: 'Cluster/MemberList',
  request: memberListRequest,
  answer: membersResponse,
};
const KNOWN_MEMBERS: typeof MEMBER_LIST = { ...MEMBER_LIST, local: true };
