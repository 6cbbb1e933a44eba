/** A process's way to its own member of the model, as `EtcdClient` has it. */

import type { Clock } from '../../../src/model/clock.ts';
import {
  type EtcdClient,
  EtcdError,
  type KeepAliveCall,
  type WatchCall,
} from '../../../src/store/etcd/client.ts';
import type { LeaseResponse } from '../../../src/store/etcd/lease-messages.ts';
import type { WatchResponse } from '../../../src/store/etcd/messages.ts';
import type { Process } from '../process.ts';
import type { Random } from '../random.ts';
import type { EtcdModel } from './cluster.ts';
import type { Member } from './member.ts';

export type ModelClient = Pick<
  EtcdClient,
  'range' | 'txn' | 'watch' | 'grant' | 'revoke' | 'keepAlive' | 'status'
>;

/** How long (ms) a call may take. */
const TIMEOUT = 2_000;
/** Without a leader for so long (ms), a member ends its streams. */
const STREAMS = 1_500;

export interface ClientOptions {
  model: EtcdModel;
  member: Member;
  process: Process;
  clock: Clock;
  random: Random;
  /** Who writes; the process if not given. */
  by?: unknown;
}

export function modelClient(options: ClientOptions): ModelClient {
  const { model, member, process, by = process } = options;
  const call = <T>(work: (done: (answer: T) => void, refuse: (why: string) => void) => void): Promise<T> =>
    unary(options, work);
  return {
    status: () =>
      local(options, () => ({
        header: { cluster_id: '1', member_id: member.id, revision: member.revision },
        ...{ version: 'model', dbSize: 0, dbSizeInUse: 0, errors: [], isLearner: false },
        ...{
          leader: member.leader,
          raftTerm: member.term,
          raftIndex: member.stored,
          raftAppliedIndex: member.applied,
        },
      })),
    range: (request) => {
      const read = (): ReturnType<typeof model.keyspace.range> | string =>
        (request.revision ?? member.revision) < model.keyspace.compacted
          ? 'etcdserver: mvcc: required revision has been compacted'
          : model.keyspace.range(request, member.revision);
      if (request.serializable)
        return local(options, () =>
          requireLeader(member, () => model.keyspace.range(request, member.revision)),
        );
      return call((done, refuse) =>
        model.confirm(member, () => {
          const answer = read();
          if (typeof answer === 'string') refuse(answer);
          else done(answer);
        }),
      );
    },
    txn: (txn) =>
      call((done, refuse) =>
        model.propose(member, { txn }, by, ({ answer }) => {
          if (typeof answer === 'object') done(answer);
          else refuse(answer ?? 'nothing');
        }),
      ),
    grant: ({ TTL }) =>
      call((done) => {
        const grant = { id: model.newLease(), ttl: TTL };
        model.propose(member, { grant }, by, () => done({ ID: grant.id, TTL }));
      }),
    revoke: ({ ID }) => call((done) => model.propose(member, { revoke: ID }, by, () => done(undefined))),
    keepAlive: (heard, ended) => keepAlive(options, heard, ended),
    watch: (heard, ended) => watch(options, heard, ended),
  };
}

function requireLeader<T>(member: Member, work: () => T): T {
  if (member.leader === '') throw new EtcdError('etcdserver: no leader', true);
  return work();
}

/** What the member says by itself. */
function local<T>({ member, process, clock }: ClientOptions, work: () => T): Promise<T> {
  return process.promise((resolve, reject) => {
    if (!member.up) {
      reject(new EtcdError('nobody answers', true));
      return;
    }
    let cancel = (): void => {};
    if (member.paused)
      cancel = clock.timer(TIMEOUT, () =>
        reject(new EtcdError(`there was no answer for ${TIMEOUT} ms`, false)),
      );
    member.run(() => {
      cancel();
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}

function unary<T>(
  { member, process, clock }: ClientOptions,
  work: (done: (answer: T) => void, refuse: (why: string) => void) => void,
): Promise<T> {
  return process.promise((resolve, reject) => {
    if (!member.up) {
      reject(new EtcdError('nobody answers', true));
      return;
    }
    const lost = (): void => fail(new EtcdError('the connection was lost', false));
    const end = (): void => {
      cancel();
      member.ended.delete(lost);
    };
    const fail = (error: EtcdError): void => {
      end();
      reject(error);
    };
    const cancel = clock.timer(TIMEOUT, () =>
      fail(new EtcdError(`there was no answer for ${TIMEOUT} ms`, false)),
    );
    member.ended.add(lost);
    member.run(() => {
      if (member.leader === '') {
        fail(new EtcdError('etcdserver: no leader', true));
        return;
      }
      work(
        (answer) => {
          end();
          resolve(answer);
        },
        (why) => fail(new EtcdError(why, true)),
      );
    });
  });
}

/** A stream as both have it; `over` says whether anything is told any more. */
function stream<Q>(
  { member, process, clock }: ClientOptions,
  ended: (error: EtcdError) => void,
  handle: (request: Q, over: () => boolean) => void,
): { send(request: Q): void; cancel(): void } {
  let over = false;
  const end = (error: EtcdError): void => {
    if (over) return;
    over = true;
    member.ended.delete(lost);
    process.run(() => {
      if (!cancelled) ended(error);
    });
  };
  let cancelled = false;
  const lost = (): void => end(new EtcdError('the connection was lost', false));
  const look = (): void => {
    if (over || !process.alive) return;
    const since = member.leaderlessSince;
    if (member.leader === '' && since !== undefined && clock.now() - since >= STREAMS)
      end(new EtcdError('etcdserver: no leader', true));
    else clock.timer(500, look);
  };
  const refusal = !member.up ? 'nobody answers' : member.leader === '' ? 'etcdserver: no leader' : undefined;
  if (refusal !== undefined) clock.timer(1, () => end(new EtcdError(refusal, true)));
  else {
    member.ended.add(lost);
    clock.timer(500, look);
  }
  return {
    send(request) {
      if (!over && refusal === undefined) member.run(() => !over && handle(request, () => over));
    },
    cancel() {
      cancelled = true;
      over = true;
      member.ended.delete(lost);
    },
  };
}

function keepAlive(
  options: ClientOptions,
  heard: (response: LeaseResponse) => void,
  ended: (error: EtcdError) => void,
): KeepAliveCall {
  const { model, member, process } = options;
  return stream(options, ended, ({ ID }, over) =>
    model.renew(member, ID, (TTL) => process.run(() => !over() && heard({ ID, TTL }))),
  );
}

function watch(
  options: ClientOptions,
  heard: (response: WatchResponse) => void,
  ended: (error: EtcdError) => void,
): WatchCall {
  const { model, member, process, clock, random } = options;
  let next = 0;
  let busy = false;
  let isWatched = (_key: string): boolean => false;
  const tell = (more: Partial<WatchResponse>, over: () => boolean): void => {
    const nothing = { created: false, canceled: false, compact_revision: 0, cancel_reason: '', events: [] };
    process.run(() => !over() && heard({ ...nothing, ...more }));
  };
  const deliver = (over: () => boolean): void => {
    if (busy || over() || member.revision < next) return;
    busy = true;
    clock.timer(Math.round(member.watchLag * (0.5 + random.next())), () =>
      member.run(() => {
        busy = false;
        if (over()) return;
        if (next < model.keyspace.compacted) {
          tell({ canceled: true, compact_revision: model.keyspace.compacted }, over);
          return;
        }
        const events = [];
        for (; next <= member.revision; next++)
          events.push(...model.keyspace.eventsAt(next).filter(({ kv }) => isWatched(kv!.key)));
        if (events.length > 0) tell({ events }, over);
        deliver(over);
      }),
    );
  };
  const call = stream<Parameters<WatchCall['send']>[0]>(
    options,
    ended,
    ({ create_request: create }, over) => {
      if (create) {
        const { key, range_end: end } = create;
        isWatched = (each) => each >= key && each < end;
        next = create.start_revision;
        tell({ created: true }, over);
        const again = (): void => deliver(over);
        member.moved.add(again);
        stop = () => member.moved.delete(again);
        again();
      } else if (member.revision < next) tell({}, over);
    },
  );
  let stop = (): unknown => undefined;
  return {
    send: (request) => call.send(request),
    cancel() {
      stop();
      call.cancel();
    },
  };
}
