/** Three managers' stores, while their members of etcd are killed, stand still and have no room. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { takeLead } from '../../store/etcd/lead.ts';
import type { EtcdStore } from '../../store/etcd/store.ts';
import { sampleConfig } from '../../store/samples.ts';
import { createPlace, type Place } from '../../store/testing/etcd.ts';
import { History, Onlooker, outcomeIn } from '../../store/testing/history.ts';
import { handOver } from './steps.ts';
import { eventually, type MemberHost, MemberHosts } from './testing/hosts.ts';

/** Bytes of the disk that becomes full. */
const DISK = 256 * 1024 * 1024;
const LARGE = 'x'.repeat(500_000);

interface Manager {
  host: MemberHost;
  store: EtcdStore;
  onlooker: Onlooker;
}

describe('stores on three members', () => {
  let hosts: MemberHosts;
  let place: Place;
  const managers: Manager[] = [];
  const history = new History();
  const ending = new AbortController();
  let working: Promise<unknown>;
  let leading: Manager;
  let disk = '';

  before(async () => {
    hosts = await MemberHosts.create();
    const one = await hosts.found();
    const two = await hosts.grow(one);
    const three = await hosts.host();
    disk = three.folder;
    await mkdir(disk, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]);
    await hosts.join(three, one);
    place = await createPlace(one.member.client, '/faults/');
    for (const host of [one, two, three]) {
      const { client } = host.member;
      const store = await place.open({ client, patience: 4000 });
      store.lead(undefined);
      managers.push({ host, store, onlooker: new Onlooker(store) });
    }
    leading = managers[0]!;
    leading.store.lead(place.lead);
    // All of them write all the time, whether they lead or not; one that was put off does not know of it.
    working = Promise.all([...managers.map(({ store }) => writeOn(store)), electOn()]);
  });
  after(async () => {
    ending.abort();
    await working;
    for (const { store } of managers) await store.close();
    await hosts.close(() => execFileSync('umount', [disk]));
  });

  async function writeOn(store: EtcdStore): Promise<void> {
    while (!ending.signal.aborted) {
      const { outcome } = await history.write(store);
      if (outcome !== 'acknowledged') await delay(20);
    }
  }

  /** Whoever is beside etcd's leader leads. */
  async function electOn(): Promise<void> {
    while (!ending.signal.aborted) {
      await delay(50);
      for (const manager of managers) {
        if (manager === leading) continue;
        const { client, memberId } = manager.host.member;
        try {
          if ((await client.status()).leader !== memberId) continue;
          const lead = await takeLead(client, place.lead.key, manager.host.name);
          if (!lead) continue;
          leading = manager;
          manager.store.lead(lead);
        } catch {
          // It does not answer, so it does not lead.
        }
      }
    }
  }

  /** Writes are acknowledged again, after what has happened by now. */
  async function goesOn(): Promise<void> {
    const already = history.count('acknowledged');
    await eventually(() => assert.ok(history.count('acknowledged') > already + 20), 20_000);
  }

  async function etcdLeader(): Promise<Manager> {
    return eventually(async () => {
      for (const manager of managers) {
        const { client, memberId } = manager.host.member;
        const status = await client.status().catch(() => undefined);
        if (status?.leader === memberId) return manager;
      }
      throw new Error('no member leads');
    });
  }

  test('the member of the one that leads is killed, again and again', async () => {
    for (let turn = 0; turn < 3; turn++) {
      await goesOn();
      await (await etcdLeader()).host.signal('SIGKILL');
      await goesOn();
    }
    for (const { host } of managers) await host.member.ready();
  });

  test('the member of the one that leads stands still, and comes back with what it knew', async () => {
    await goesOn();
    const { host } = await etcdLeader();
    await host.signal('SIGSTOP');
    await goesOn();
    await delay(1000);
    await host.signal('SIGCONT');
    await goesOn();
  });

  test('the lead goes from one to the other in order', async () => {
    for (let turn = 0; turn < 3; turn++) {
      const leader = await etcdLeader();
      await handOver(leader.host.member.client);
      await goesOn();
    }
  });

  test('two of three are away for a moment', async () => {
    await goesOn();
    const [one, two] = managers as [Manager, Manager];
    await one.host.signal('SIGKILL');
    await two.host.signal('SIGSTOP');
    await delay(500);
    await two.host.signal('SIGCONT');
    await goesOn();
  });

  test('the disk of the one that leads becomes full, and there is room again', async () => {
    const third = managers[2]!;
    await eventually(async () => {
      const leader = await etcdLeader();
      if (leader !== third) await handOver(leader.host.member.client, [third.host.member.memberId]);
      assert.equal(leading, third);
    });
    await goesOn();
    const fill = join(disk, 'fill');
    await writeFile(fill, Buffer.alloc(DISK)).catch(() => {});
    // etcd has some room of its own, which has to be used up.
    await eventually(async () => {
      const change = { op: 'put', kind: 'config', object: sampleConfig('large', LARGE) } as const;
      await leading.store.commit({ changes: [change] }).catch(() => {});
      assert.ok(third.host.ends.some(({ reason }) => reason === 'disk full'));
    });
    await goesOn();
    assert.notEqual(leading, third);
    await rm(fill);
    await third.host.member.ready();
    await goesOn();
  });

  test('nothing that was acknowledged is lost, nothing is done twice, and all saw the same', async () => {
    ending.abort();
    await working;
    const fresh = await place.open({ client: managers[1]!.host.member.client });
    const total = [...fresh.view.all('secret')].length;
    for (const { store, onlooker } of managers) {
      await eventually(() => assert.equal(onlooker.seen, total));
      assert.deepEqual(onlooker.problems, []);
      assert.deepEqual(history.problems(outcomeIn(store.view)), []);
    }
    assert.deepEqual(history.problems(outcomeIn(fresh.view)), []);
    assert.ok(history.count('acknowledged') > 200 && history.count('refused') > 10);
    await fresh.close();
  });
});
