import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { ADDRESS, PART } from './routes.ts';
import { type Entry, SocketAudit } from './socket-audit.ts';

function audit(isManager = true) {
  const clock = new VirtualClock();
  const at = { told: [] as Entry[][], isAway: false, clock };
  const made = new SocketAudit({
    ...{ clock, host: 'node1', isManager: () => isManager },
    tell: async (entries) => {
      if (at.isAway) throw new Error('no leader');
      at.told.push(entries);
    },
  });
  const note = (method: string, path: string, more: object = {}) =>
    made.note({ ...{ method, path, status: 200, headers: {}, isLocal: true, address: '' }, ...more });
  return { ...at, at, note };
}
const paths = (told: Entry[][]) =>
  told.map((entries) => entries.map(({ method, path }) => `${method} ${path}`));

test('what root writes is told, several at once, and nothing that is read', async () => {
  const { at, clock, note } = audit();
  note('POST', '/services/create', { made: 's1' });
  note('GET', '/services');
  note('DELETE', '/nodes/n1', { isLocal: false, address: '10.0.0.9' });
  note('POST', '/essaim/compose/check');
  note('POST', '/containers/c/exec');
  note('POST', '/essaim/audit');
  note('PUT', '/essaim/host/volumes/data/file');
  note('POST', '/essaim/node/follow');
  await clock.advance(300);
  assert.deepEqual(paths(at.told), [
    ['POST /services/create', 'DELETE /nodes/n1', 'POST /essaim/node/follow'],
  ]);
  assert.deepEqual(at.told[0]![0], {
    ...{ actor: 'root', via: 'socket', address: 'node1' },
    ...{ method: 'POST', path: '/services/create', status: 200, made: 's1' },
  });
  assert.deepEqual([at.told[0]![1]!.via, at.told[0]![1]!.address], ['certificate', '10.0.0.9']);
});

test('what somebody else is written down for is not root’s', async () => {
  const { at, clock, note } = audit();
  note('POST', '/services/create', { headers: { [ADDRESS]: '10.0.0.9' } });
  // Before somebody is signed in there is no account to name.
  note('POST', '/essaim/session', { headers: { [ADDRESS]: '10.0.0.9' } });
  note('POST', '/services/create', { headers: { [PART]: 'stack' } });
  await clock.advance(300);
  assert.deepEqual(at.told, []);
});

test('while nobody leads they are kept; a worker has none', async () => {
  const { at, clock, note } = audit();
  at.isAway = true;
  note('POST', '/services/create');
  await clock.advance(1_000);
  at.isAway = false;
  note('POST', '/secrets/create');
  await clock.advance(600);
  assert.deepEqual(paths(at.told).flat(), ['POST /services/create', 'POST /secrets/create']);
  const worker = audit(false);
  worker.note('POST', '/services/create');
  await worker.clock.advance(1_000);
  assert.deepEqual(worker.at.told, []);
});
