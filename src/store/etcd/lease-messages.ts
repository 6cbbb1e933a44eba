/** The messages of etcd's API about leases. */
import { type Message, message, one } from './grpc/protobuf.ts';

export interface LeaseGrantRequest {
  /** Seconds. */
  TTL: number;
}
export const leaseGrantRequest: Message<LeaseGrantRequest> = message<LeaseGrantRequest>({
  TTL: one(1, 'int'),
});

/** What was granted, or how it stands. */
export interface LeaseResponse {
  ID: string;
  /** Seconds, which may be more than asked for: elections set a floor. 0: it is over. */
  TTL: number;
}
export const leaseResponse: Message<LeaseResponse> = message<LeaseResponse>({
  ID: one(2, 'id'),
  TTL: one(3, 'int'),
});

export interface LeaseRequest {
  ID: string;
}
export const leaseRequest: Message<LeaseRequest> = message<LeaseRequest>({ ID: one(1, 'id') });
