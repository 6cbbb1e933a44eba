/** Lines as etcd 3.4.23 and 3.5.30 have written them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndFacts, explainEnd } from './ends.ts';

const facts = (log: string[], more: Partial<EndFacts> = {}): EndFacts => ({
  log,
  code: 1,
  signal: null,
  diskFull: false,
  folder: '/d/etcd',
  peer: '10.0.0.1:2380',
  ...more,
});
const line = (msg: string, error?: string, level = 'fatal') =>
  JSON.stringify({ level, ts: '2026-11-29T12:03:39.832Z', caller: 'x.go:1', msg, error });

test('each end has its reason, and what is to be done', () => {
  const cases: Array<[string[], string, string]> = [
    [[line('data-dir used by this member must be removed', undefined, 'warn')], 'removed', 'rejoin'],
    [
      ['panic: tocommit(18) is out of range [lastIndex(7)]. Was the raft log corrupted, truncated, or lost?'],
      'outdated',
      'rejoin',
    ],
    [
      [line('failed to commit tx', 'write data/member/snap/db: no space left on device', 'fatal')],
      'disk full',
      'again',
    ],
    [
      [line('discovery failed', 'listen tcp 10.0.0.1:2380: bind: address already in use', 'fatal')],
      'port taken',
      'again',
    ],
    [
      [line('discovery failed', 'listen tcp 10.0.0.1:2380: bind: cannot assign requested address', 'fatal')],
      'no such address',
      'again',
    ],
    [
      [
        line(
          'discovery failed',
          'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
        ),
      ],
      'unreachable',
      'again',
    ],
    [
      [
        line(
          'discovery failed',
          'error validating peerURLs {ClusterID:9 Members:[]}: member count is unequal',
        ),
      ],
      'not added',
      'rejoin',
    ],
    [
      [line('discovery failed', 'open /p/peer.pem: no such file or directory', 'fatal')],
      'certificate',
      'again',
    ],
    [
      [
        line(
          'invalid downgrade; server version is lower than determined cluster version',
          undefined,
          'fatal',
        ),
      ],
      'too old',
      'again',
    ],
    [[line('failed to read WAL, cannot be repaired', 'walpb: crc mismatch', 'fatal')], 'damaged', 'rejoin'],
  ];
  for (const [log, reason, next] of cases) {
    const end = explainEnd(facts(['{"level":"info","msg":"began"}', ...log, 'goroutine 1 [running]:']));
    assert.deepEqual([end.reason, end.next], [reason, next], end.message);
    assert.match(end.message, /^etcd has ended: /);
  }
});

test('what went wrong while it ran is not taken for the reason', () => {
  const log = [
    line('lost TCP streaming connection with remote peer', 'unexpected EOF', 'warn'),
    line('failed to dial', 'the member has been permanently removed from the cluster', 'warn'),
    line('failed to send snapshot', 'no space left on device', 'warn'),
    line('prober detected unhealthy status', 'bind: address already in use', 'warn'),
  ];
  assert.equal(explainEnd(facts(log, { code: null, signal: 'SIGKILL' })).reason, 'killed');
});

test('a full disk has no room for a log', () => {
  for (const failure of [undefined, new Error('ENOSPC')])
    assert.equal(explainEnd(facts([], { diskFull: true, failure })).reason, 'disk full');
});

test('without a reason in the log it is told how it has ended, and with which words', () => {
  assert.equal(explainEnd(facts([], { code: null, signal: 'SIGKILL' })).reason, 'killed');
  const { message, reason, next } = explainEnd(
    facts([line('unheard of', 'really'), '{"level":"info","msg":"bye"}'], { code: 3 }),
  );
  assert.equal(
    message,
    'etcd has ended (status 3): its log is /d/etcd/log, and ends with "unheard of: really"',
  );
  assert.deepEqual([reason, next], ['unknown', 'again']);
  assert.match(
    explainEnd(facts(['no JSON'], { code: undefined })).message,
    /has ended: its log is .*"no JSON"/,
  );
  assert.match(explainEnd(facts([])).message, /ends with nothing/);
});

test('a program that is gone is told', () => {
  const end = explainEnd(facts([], { failure: new Error('spawn /usr/bin/etcd ENOENT') }));
  assert.deepEqual([end.reason, end.next], ['cannot run', 'again']);
});
