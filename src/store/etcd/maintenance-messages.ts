/** The messages of etcd's API about how a member does. */
import { type Message, many, message, one } from './grpc/protobuf.ts';

interface StatusHeader {
  cluster_id: string;
  member_id: string;
  revision: number;
}
const statusHeader = message<StatusHeader>({
  cluster_id: one(1, 'id'),
  member_id: one(2, 'id'),
  revision: one(3, 'int'),
});

export interface StatusResponse {
  header?: StatusHeader;
  version: string;
  /** Bytes of its file, and how many of them hold something. */
  dbSize: number;
  dbSizeInUse: number;
  /** Id of the member that leads as this one sees it; '': it knows of none. */
  leader: string;
  raftTerm: number;
  raftIndex: number;
  raftAppliedIndex: number;
  /** Alarms, and that there is no leader, in words. */
  errors: string[];
  isLearner: boolean;
}
export const statusResponse: Message<StatusResponse> = message<StatusResponse>({
  header: one(1, () => statusHeader),
  version: one(2, 'text'),
  dbSize: one(3, 'int'),
  leader: one(4, 'id'),
  raftIndex: one(5, 'int'),
  raftTerm: one(6, 'int'),
  raftAppliedIndex: one(7, 'int'),
  errors: many(8, 'text'),
  dbSizeInUse: one(9, 'int'),
  isLearner: one(10, 'bool'),
});

export interface MoveLeaderRequest {
  targetID: string;
}
export const moveLeaderRequest: Message<MoveLeaderRequest> = message<MoveLeaderRequest>({
  targetID: one(1, 'id'),
});

export const NOSPACE = 1;
export const CORRUPT = 2;
export const LIST = 0;
export const DISARM = 2;

export interface Alarm {
  memberID: string;
  alarm: number;
}
const alarm = message<Alarm>({ memberID: one(1, 'id'), alarm: one(2, 'int') });

export interface AlarmRequest {
  action: typeof LIST | typeof DISARM;
  memberID: string;
  alarm: number;
}
export const alarmRequest: Message<AlarmRequest> = message<AlarmRequest>({
  action: one(1, 'int'),
  memberID: one(2, 'id'),
  alarm: one(3, 'int'),
});

export interface AlarmResponse {
  alarms: Alarm[];
}
export const alarmResponse: Message<AlarmResponse> = message<AlarmResponse>({
  alarms: many(2, () => alarm),
});

export interface SnapshotResponse {
  remaining_bytes: number;
  blob: Buffer;
}
export const snapshotResponse: Message<SnapshotResponse> = message<SnapshotResponse>({
  remaining_bytes: one(2, 'int'),
  blob: one(3, 'bytes'),
});
