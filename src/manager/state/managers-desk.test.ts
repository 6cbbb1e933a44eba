/** How managers come and go, on real etcds. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../model/clock.ts';
import type { Node } from '../../model/objects.ts';
import type { ManagerJoined } from '../../model/protocol.ts';
import { replaceDataKey } from '../../store/encoding/data-key.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { createAuthority } from '../ca/authority.ts';
import { newCluster } from '../ca/cluster.ts';
import { externalAuthorities } from '../ca/external.ts';
import { newNode } from '../ca/issue.ts';
import { peerUrl } from '../members/flags.ts';
import { forgetPeer, savePeer } from '../members/kept-peer.ts';
import { requestPeer } from '../members/peer-files.ts';
import { addLearner } from '../peers/steps.ts';
import { ManagersDesk } from './managers-desk.ts';
import { PEER_PORT } from './seat.ts';
import { ManagerState, type StateOptions } from './state.ts';

const NAMES = ['n1', 'n2'] as const;
type Name = (typeof NAMES)[number];
const now = Date.now();
const ignore = (): void => {};
const log = { info: ignore, warn: ignore, error: ignore };

describe('the leader’s part as managers come and go', { timeout: 120_000 }, () => {
  let folder: string;
  let first: ManagerState;
  let second: ManagerState | undefined;
  let desk: ManagersDesk;
  let joined: ManagerJoined;

  const addressOf = (name: Name): string =>
    `127.${1 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${200 + NAMES.indexOf(name)}`;
  const urlOf = (name: Name): string => peerUrl(addressOf(name), PEER_PORT);
  const options = (name: Name): StateOptions => ({
    folders: {
      database: join(folder, `${name}.db`),
      dataKey: join(folder, `${name}.db.key`),
      etcd: join(folder, name),
      peer: { live: join(folder, `${name}.peer`), kept: join(folder, `${name}.peer.json`) },
    },
    ...{ nodeId: name, address: () => addressOf(name), fileKey: () => undefined },
    ...{ clock: systemClock, log },
  });
  const place = (name: Name) => ({ ...options(name).folders.peer, fileKey: () => undefined });
  const node = (name: Name): Node => first.store.view.get('node', name)!;
  const forget = (name: Name) =>
    first.store.commit((view) => ({
      changes: [{ op: 'put', kind: 'node', object: { ...view.get('node', name)!, internal: {} } }],
    }));
  const members = async () =>
    (await first.seat!.client.memberList({ linearizable: true })).map(({ name }) => name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'desk-'));
    const network = { DefaultAddrPool: [], SubnetSize: 24, DataPathPort: 4789 };
    const cluster = await newCluster({ ...network, id: 'c1', spec: {}, now });
    const nodes = NAMES.map((id) => newNode({ id, role: 'manager', addr: addressOf(id), now }));
    const store = await openSqliteStore({ path: options('n1').folders.database });
    await store.commit({
      changes: [
        { op: 'put', kind: 'cluster', object: cluster },
        ...nodes.map((object) => ({ op: 'put', kind: 'node', object }) as const),
      ],
    });
    await store.close();
    first = await ManagerState.openAlone(options('n1'));
    const authority = createAuthority({
      ...{ store: first.store, clock: systemClock, external: externalAuthorities(), newId: () => 'id' },
      rest: async () => {},
      onError: (error) => assert.fail(String(error)),
    });
    desk = new ManagersDesk({
      ...{
        ...options('n1'),
        store: first.store,
        state: first,
        authority,
        newId: () => 'token',
        now: Date.now,
      },
      decided: ignore,
    });
    const { csr, key } = await requestPeer();
    const { certificate, roots } = await authority.certifyMember('n1', { csr, address: addressOf('n1') });
    await savePeer(place('n1'), { certificate, key, roots });
  });
  after(async () => {
    await second?.end();
    await first?.end();
    for (const name of NAMES) await forgetPeer(place(name));
    await rm(folder, { recursive: true });
  });

  test('one that was killed as soon as its state was in etcd knows its own member afterwards', async () => {
    await first.replicate('token', ignore);
    assert.equal(node('n1').internal.member, undefined);
    // And so may the next one be, as soon as it has added the learner.
    const { member } = await addLearner(first.seat!.client, urlOf('n2'));
    const { csr, key } = await requestPeer();
    joined = await desk.join('n2', { csr, address: addressOf('n2') });
    assert.equal(node('n1').internal.member, first.seat!.member.memberId);
    assert.equal(joined.memberId, member.ID);
    assert.equal(node('n2').internal.member, joined.memberId);
    assert.equal(node('n2').ManagerStatus, undefined);
    const { certificate, roots } = joined;
    await savePeer(place('n2'), { certificate, key, roots });
  });

  test('a new one is a manager once it votes', async () => {
    const { folders } = options('n2');
    replaceDataKey(folders.dataKey, joined.dataKey, undefined);
    const { memberId, members: all } = joined;
    const start = { mode: 'join', memberId, members: all } as const;
    const addr = `${addressOf('n2')}:2377`;
    const { signal } = new AbortController();
    second = await ManagerState.openReplicated(options('n2'), start, signal, () => desk.ready('n2', addr));
    assert.deepEqual(node('n2').ManagerStatus, { Reachability: 'reachable', Addr: addr });
    assert.deepEqual((await members()).sort(), ['n1', 'n2']);
    assert.equal(second.store.view.get('cluster', 'c1')?.ID, 'c1');
  });

  test('one of which it was not written down which member it has is taken out all the same', async () => {
    await forget('n2');
    await desk.leave('n2');
    assert.deepEqual(await members(), ['n1']);
    assert.equal(node('n2').ManagerStatus, undefined);
    const { next } = await second!.seat!.member.ended;
    assert.equal(next, 'rejoin');
  });

  test('a learner that has never come is taken out', async () => {
    await addLearner(first.seat!.client, urlOf('n2'));
    assert.deepEqual((await members()).sort(), ['', 'n1']);
    await desk.leave('n2');
    assert.deepEqual(await members(), ['n1']);
  });

  test('who is no manager by its node is not taken in', async () => {
    await first.store.commit((view) => {
      const object = { ...view.get('node', 'n2')!, Spec: { Role: 'worker', Availability: 'active' } };
      return { changes: [{ op: 'put', kind: 'node', object }] };
    });
    const { csr } = await requestPeer();
    await assert.rejects(
      desk.join('n2', { csr, address: addressOf('n2') }),
      /promote it with "docker node promote"/,
    );
    await assert.rejects(desk.join('n3', { csr, address: addressOf('n2') }), /n3 is not part of this swarm/);
    assert.deepEqual(await members(), ['n1']);
  });
});
