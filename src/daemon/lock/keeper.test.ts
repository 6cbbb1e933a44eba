import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRequest } from '../../identity/authority.ts';
import { createIdentity, loadIdentity } from '../../identity/node-identity.ts';
import { newCluster } from '../../manager/ca/cluster.ts';
import { certify, newNode } from '../../manager/ca/issue.ts';
import { withKeyShown, withLock } from '../../manager/ca/unlock.ts';
import { systemClock } from '../../model/clock.ts';
import type { Cluster } from '../../model/objects.ts';
import type { Store } from '../../store/contract.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { LockKeeper } from './keeper.ts';
import { readLock } from './lock-file.ts';

const folders: string[] = [];
function folder(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'essaim-lock-')));
  return folders.at(-1)!;
}

/** A manager's folder as `docker swarm init --autolock` makes it. */
async function founded(path: string): Promise<void> {
  const parts = { DefaultAddrPool: [], SubnetSize: 24, DataPathPort: 4789, now: systemClock.now() };
  const spec = { EncryptionConfig: { AutoLockManagers: true } };
  const cluster = withLock(await newCluster({ ...parts, id: 'cluster1', spec }), false);
  const node = newNode({ id: 'node1', role: 'manager', addr: '10.0.0.1', now: systemClock.now() });
  const { csr, key } = await createRequest();
  const { certificate, roots } = await certify(cluster, node, csr, systemClock.now());
  await createIdentity(join(path, 'identity'), { key, certificate, roots });
  const store = await openSqliteStore({ path: join(path, 'cluster.db') });
  await store.commit({ changes: [{ op: 'put', kind: 'cluster', object: cluster }] });
  await store.close();
}

/** A daemon that opens the folder, with the unlock key if it needs one. */
async function start(path: string, unlockKey = ''): Promise<{ store: Store; keeper: LockKeeper }> {
  const fileKey = readLock(path)?.open(unlockKey);
  const identity = await loadIdentity(join(path, 'identity'), fileKey);
  const database = join(path, 'cluster.db');
  const store = await openSqliteStore({ path: database, fileKey });
  return {
    store,
    keeper: new LockKeeper(
      { folder: path, identity: identity!, dataKey: `${database}.key`, peer: join(path, 'peer.json') },
      fileKey,
    ),
  };
}

const clusterOf = (store: Store): Cluster => [...store.view.all('cluster')][0]!;
async function change(store: Store, change: (cluster: Cluster) => Cluster): Promise<string> {
  await store.commit((view) => ({
    changes: [{ op: 'put', kind: 'cluster', object: change([...view.all('cluster')][0]!) }],
  }));
  return clusterOf(store).internal.unlock?.key ?? '';
}
const texts = (path: string): string =>
  ['identity/identity.json', 'cluster.db.key'].map((name) => readFileSync(join(path, name), 'utf8')).join();

describe('the lock of a manager', () => {
  let original: string;
  before(async () => {
    original = folder();
    await founded(original);
  });
  after(() => {
    for (const path of folders) rmSync(path, { recursive: true, force: true });
  });
  const copy = (from = original): string => {
    const path = folder();
    cpSync(from, path, { recursive: true });
    return path;
  };

  test('needs a key once it was shown, and no other opens it', async () => {
    const path = copy();
    const { store, keeper } = await start(path);
    await keeper.settle(store);
    assert.equal(readLock(path), undefined);
    const key = await change(store, (cluster) => withKeyShown(cluster)!);
    await keeper.settle(store);
    await store.close();
    assert.doesNotMatch(texts(path), /PRIVATE KEY/);
    await assert.rejects(start(path), /its key is locked/);
    await assert.rejects(openSqliteStore({ path: join(path, 'cluster.db') }), /Unlock the swarm first/);
    assert.equal(readLock(path)?.open('SWMKEY-1-8h4Cg5FeRQAa03Fg7qmpMIHLw2TLT7uA+ugtUZUG0r0'), undefined);
    const again = await start(path, key);
    assert.equal(clusterOf(again.store).ID, 'cluster1');
    await again.store.close();
  });

  test('follows the cluster: another key, renewed certificates, no lock any more', async () => {
    const path = copy();
    const { store, keeper } = await start(path);
    const errors: unknown[] = [];
    const unfollow = keeper.follow(store, (error) => errors.push(error));
    const first = await change(store, (cluster) => withKeyShown(cluster)!);
    const second = await change(store, (cluster) => withLock(cluster, true));
    await keeper.settle(store);
    assert.equal(readLock(path)?.keys, 2);
    for (const key of [first, second]) assert.ok(readLock(path)?.open(key));
    await change(store, (cluster) => withKeyShown(cluster)!);
    await keeper.settle(store);
    assert.equal(readLock(path)?.open(first), undefined);
    await change(store, (cluster) => withLock({ ...cluster, Spec: {} }, false));
    await keeper.settle(store);
    assert.equal(existsSync(join(path, 'lock.json')), false);
    assert.match(texts(path), /PRIVATE KEY/);
    unfollow();
    await store.close();
    assert.deepEqual(errors, []);
    await (await start(path)).store.close();
  });

  test('is given up with the role, or with the folder as the host leaves', async () => {
    const path = copy();
    const { store, keeper } = await start(path);
    await change(store, (cluster) => withKeyShown(cluster)!);
    await keeper.settle(store);
    await keeper.release();
    assert.match(texts(path), /PRIVATE KEY/);
    await keeper.settle(store);
    await store.close();
    rmSync(path, { recursive: true });
    await keeper.release();
    assert.equal(existsSync(path), false);
  });

  // The steps of a change, as they lie in the folder after each of them, are put together from before and after it.
  const steps: Array<[string, (cluster: Cluster) => Cluster, string[]]> = [
    ['on', (cluster) => withKeyShown(cluster)!, ['lock.json', 'cluster.db.key', 'identity/identity.json']],
    ['another key', (cluster) => withKeyShown(withLock(cluster, true))!, ['lock.json']],
    [
      'off',
      (cluster) => withLock({ ...cluster, Spec: {} }, false),
      ['cluster.db.key', 'identity/identity.json', 'lock.json'],
    ],
  ];
  test('a kill at any step of a change leaves what the key of before or of after opens', async () => {
    let was = copy();
    let current = '';
    for (const [name, decide, files] of steps) {
      const done = copy(was);
      const changed = await start(done, current);
      const keys = [current, await change(changed.store, decide)];
      await changed.keeper.settle(changed.store);
      await changed.store.close();
      current = keys[1]!;
      for (let step = 0; step <= files.length; step++) {
        const path = copy(done);
        for (const file of files.slice(step)) {
          rmSync(join(path, file), { force: true });
          if (existsSync(join(was, file))) cpSync(join(was, file), join(path, file));
        }
        const lock = readLock(path);
        const key = lock ? keys.find((each) => lock.open(each)) : '';
        assert.notEqual(key, undefined, `${name}, step ${step}`);
        const { store, keeper } = await start(path, key);
        // Goes on where it was killed.
        await keeper.settle(store);
        await store.close();
        assert.equal(/PRIVATE KEY/.test(texts(path)), name === 'off', `${name}, step ${step}`);
        assert.equal(readLock(path)?.open(keys[1]!) === undefined, name === 'off');
      }
      was = done;
    }
  });
});
