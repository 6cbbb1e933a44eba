import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MemberSettings, memberFlags, peerUrl, type Start, sameSettings } from './flags.ts';

const settings = (text: string): MemberSettings => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number);
  const files = { cert: '/p/peer.pem', key: '/p/peer.pem', ca: '/p/roots.pem' };
  return { version: { major, minor, patch }, name: 'n2', peerHost: '10.0.0.2', peerPort: 2380, files };
};
const again: Start = { mode: 'again' };
const special = (version: string) =>
  memberFlags(settings(version), again).filter((flag) =>
    /experimental|feature-gates|catchup|skip-client/.test(flag),
  );

test('a version gets the options that it knows', () => {
  const skip = '--experimental-peer-skip-client-san-verification=true';
  const corrupt = '--experimental-initial-corrupt-check=true';
  const compact = '--experimental-compact-hash-check-enabled=true';
  assert.deepEqual(special('3.4.23'), [skip]);
  assert.deepEqual(special('3.5.0'), [skip, corrupt]);
  assert.deepEqual(special('3.5.5'), [skip, corrupt, compact]);
  assert.deepEqual(special('3.5.30'), [
    skip,
    corrupt,
    compact,
    '--experimental-snapshot-catchup-entries=500',
  ]);
  assert.deepEqual(special('3.6.6'), [
    '--peer-skip-client-san-verification=true',
    '--snapshot-catchup-entries=500',
    '--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true',
  ]);
});

test('each start has its own options, and those that last are the same', () => {
  const begins = (start: Start) =>
    memberFlags(settings('3.4.23'), start).filter((flag) => /^--(init|force)/.test(flag));
  const own = '--initial-advertise-peer-urls=https://10.0.0.2:2380';
  const members = [
    { ID: 'a1', name: 'n1', peerURLs: ['https://10.0.0.1:2380'], isLearner: false },
    { ID: 'b2', name: '', peerURLs: ['https://10.0.0.2:2380'], isLearner: true },
  ];
  const starts: Start[] = [
    { mode: 'new', token: 't' },
    { mode: 'join', memberId: 'b2', members },
    again,
    { mode: 'forceNew' },
  ];
  assert.deepEqual(starts.map(begins), [
    [
      own,
      '--initial-cluster-state=new',
      '--initial-cluster-token=t',
      '--initial-cluster=n2=https://10.0.0.2:2380',
    ],
    [
      own,
      '--initial-cluster-state=existing',
      '--initial-cluster=n1=https://10.0.0.1:2380,n2=https://10.0.0.2:2380',
    ],
    [own],
    [own, '--force-new-cluster'],
  ]);
  const wanted = memberFlags(settings('3.4.23'), again);
  const lasts = starts.map((start) => sameSettings(memberFlags(settings('3.4.23'), start), wanted));
  // One that was to become the only member writes its state down all the time: it is not left so.
  assert.deepEqual(lasts, [true, true, true, false]);
});

test('another address, file or version is another setting', () => {
  const wanted = memberFlags(settings('3.5.30'), again);
  const base = settings('3.5.30');
  for (const other of [
    { ...base, peerHost: '10.0.0.3' },
    { ...base, peerPort: 2381 },
    { ...base, files: { ...base.files, cert: '/q' } },
    settings('3.4.23'),
  ]) {
    assert.equal(sameSettings(memberFlags(other, again), wanted), false);
  }
});

test('an address of IPv6 is in brackets', () => {
  assert.equal(peerUrl('fd00::1', 2380), 'https://[fd00::1]:2380');
});
