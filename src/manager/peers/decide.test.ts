import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EtcdError } from '../../store/etcd/client.ts';
import type { Member } from '../../store/etcd/member-messages.ts';
import { addition, refusal } from './decide.ts';

test('what etcd refuses is for now, for good, or done already', () => {
  const meaning = (text: string) =>
    refusal(new EtcdError(`etcd at /s, Cluster/X: etcdserver: ${text}`, true));
  assert.equal(meaning('can only promote a learner member which is in sync with leader'), 'for now');
  assert.equal(meaning('can only promote a learner member'), 'no learner');
  assert.equal(meaning('member not found'), 'no member');
  assert.equal(meaning('unhealthy cluster'), 'for now');
  assert.equal(meaning('re-configuration failed due to not enough started members'), 'for now');
  assert.equal(meaning('no leader'), 'for now');
  assert.equal(meaning('Peer URLs already exists'), 'for good');
  assert.equal(refusal(new Error('something else')), undefined);
});

test('who joins is added, or found if that was begun, or refused', () => {
  const member = (ID: string, name: string, url: string, isLearner = false): Member => ({
    ...{ ID, name, isLearner },
    peerURLs: [url],
  });
  const one = member('1', 'n1', 'https://a:2380');
  const begun = member('2', '', 'https://b:2380', true);
  const started = member('2', 'n2', 'https://b:2380', true);
  assert.deepEqual(addition([one], 'https://b:2380'), {});
  assert.deepEqual(addition([one, begun], 'https://b:2380'), { present: begun });
  assert.match(addition([one], 'https://a:2380').refused!, /^manager n1 has the address/);
  assert.match(addition([one, started], 'https://b:2380').refused!, /^manager n2 has the address/);
  assert.match(
    addition([one, begun], 'https://c:2380').refused!,
    /^manager https:\/\/b:2380 is about to join/,
  );
  assert.match(addition([one, started], 'https://c:2380').refused!, /^manager n2 is about to join/);
});
