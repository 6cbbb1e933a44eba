/** The messages of etcd's API about who its members are. */
import { type Message, many, message, one } from './grpc/protobuf.ts';

export interface Member {
  ID: string;
  /** Empty until it has started. */
  name: string;
  peerURLs: string[];
  isLearner: boolean;
}
const member = message<Member>({
  ID: one(1, 'id'),
  name: one(2, 'text'),
  peerURLs: many(3, 'text'),
  isLearner: one(5, 'bool'),
});

export interface MemberAddRequest {
  peerURLs: readonly string[];
  isLearner: boolean;
}
export const memberAddRequest: Message<MemberAddRequest> = message<MemberAddRequest>({
  peerURLs: many(1, 'text'),
  isLearner: one(2, 'bool'),
});

export interface MemberAddResponse {
  member?: Member;
  members: Member[];
}
export const memberAddResponse: Message<MemberAddResponse> = message<MemberAddResponse>({
  member: one(2, () => member),
  members: many(3, () => member),
});

export interface MemberRequest {
  ID: string;
}
export const memberRequest: Message<MemberRequest> = message<MemberRequest>({ ID: one(1, 'id') });

export interface MemberUpdateRequest {
  ID: string;
  peerURLs: readonly string[];
}
export const memberUpdateRequest: Message<MemberUpdateRequest> = message<MemberUpdateRequest>({
  ID: one(1, 'id'),
  peerURLs: many(2, 'text'),
});

export interface MemberListRequest {
  /** Asked of the leader; otherwise the member tells what it knows. Before 3.5 each member tells what it knows. */
  linearizable: boolean;
}
export const memberListRequest: Message<MemberListRequest> = message<MemberListRequest>({
  linearizable: one(1, 'bool'),
});

export interface MembersResponse {
  members: Member[];
}
export const membersResponse: Message<MembersResponse> = message<MembersResponse>({
  members: many(2, () => member),
});
