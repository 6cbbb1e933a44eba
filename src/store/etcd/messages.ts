/** The messages of etcd's API that the driver uses, with the fields of them that it uses: keys, transactions, watches. */
import { type Message, many, message, one } from './grpc/protobuf.ts';

export interface Header {
  revision: number;
}
export const header: Message<Header> = message<Header>({ revision: one(3, 'int') });

export interface KeyValue {
  key: string;
  create_revision: number;
  mod_revision: number;
  value: Buffer;
}
const keyValue = message<KeyValue>({
  key: one(1, 'text'),
  create_revision: one(2, 'int'),
  mod_revision: one(3, 'int'),
  value: one(5, 'bytes'),
});

export interface RangeRequest {
  key: string;
  range_end?: string;
  limit?: number;
  revision?: number;
  /** As this member has it, with or without a leader; it may be old. */
  serializable?: boolean;
}
export const rangeRequest: Message<RangeRequest> = message<RangeRequest>({
  key: one(1, 'text'),
  range_end: one(2, 'text'),
  limit: one(3, 'int'),
  revision: one(4, 'int'),
  serializable: one(7, 'bool'),
});

export interface RangeResponse {
  header?: Header;
  kvs: KeyValue[];
  more: boolean;
}
export const rangeResponse: Message<RangeResponse> = message<RangeResponse>({
  header: one(1, () => header),
  kvs: many(2, () => keyValue),
  more: one(3, 'bool'),
});

export interface PutRequest {
  key: string;
  value: Buffer;
  /** The key goes with it. */
  lease?: string;
}
const putRequest = message<PutRequest>({
  key: one(1, 'text'),
  value: one(2, 'bytes'),
  lease: one(3, 'id'),
});

export interface DeleteRequest {
  key: string;
}
const deleteRequest = message<DeleteRequest>({ key: one(1, 'text') });

/** That the key was last written at that revision; 0: that it is not there. */
export interface Compare {
  target: typeof MOD_REVISION;
  key: string;
  mod_revision: number;
}
const MOD_REVISION = 2;
const compare = message<Compare>({ target: one(2, 'int'), key: one(3, 'text'), mod_revision: one(6, 'int') });

export function lastWrittenAt(key: string, revision: number): Compare {
  return { target: MOD_REVISION, key, mod_revision: revision };
}

export interface Operation {
  request_range?: RangeRequest;
  request_put?: PutRequest;
  request_delete_range?: DeleteRequest;
}
const operation = message<Operation>({
  request_range: one(1, () => rangeRequest),
  request_put: one(2, () => putRequest),
  request_delete_range: one(3, () => deleteRequest),
});

export interface TxnRequest {
  compare: readonly Compare[];
  success: readonly Operation[];
  failure: readonly Operation[];
}
export const txnRequest: Message<TxnRequest> = message<TxnRequest>({
  compare: many(1, () => compare),
  success: many(2, () => operation),
  failure: many(3, () => operation),
});

export interface OperationResponse {
  response_range?: RangeResponse;
}
const operationResponse = message<OperationResponse>({ response_range: one(1, () => rangeResponse) });

export interface TxnResponse {
  header?: Header;
  succeeded: boolean;
  responses: OperationResponse[];
}
export const txnResponse: Message<TxnResponse> = message<TxnResponse>({
  header: one(1, () => header),
  succeeded: one(2, 'bool'),
  responses: many(3, () => operationResponse),
});

export interface CompactionRequest {
  revision: number;
}
export const compactionRequest: Message<CompactionRequest> = message<CompactionRequest>({
  revision: one(1, 'int'),
});

/** An answer that tells nothing but that it is done. */
export interface Done {
  header?: Header;
}
export const done: Message<Done> = message<Done>({ header: one(1, () => header) });

export const nothing: Message<object> = message<object>({});

interface WatchCreate {
  key: string;
  range_end: string;
  start_revision: number;
}
const watchCreate = message<WatchCreate>({
  key: one(1, 'text'),
  range_end: one(2, 'text'),
  start_revision: one(3, 'int'),
});

export interface WatchRequest {
  create_request?: WatchCreate;
  progress_request?: object;
}
export const watchRequest: Message<WatchRequest> = message<WatchRequest>({
  create_request: one(1, () => watchCreate),
  progress_request: one(3, () => nothing),
});

export interface WatchEvent {
  type: number;
  kv?: KeyValue;
}
export const DELETED = 1;
const watchEvent = message<WatchEvent>({ type: one(1, 'int'), kv: one(2, () => keyValue) });

export interface WatchResponse {
  created: boolean;
  canceled: boolean;
  compact_revision: number;
  cancel_reason: string;
  events: WatchEvent[];
}
export const watchResponse: Message<WatchResponse> = message<WatchResponse>({
  created: one(3, 'bool'),
  canceled: one(4, 'bool'),
  compact_revision: one(5, 'int'),
  cancel_reason: one(6, 'text'),
  events: many(11, () => watchEvent),
});
