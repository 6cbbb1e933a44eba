import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { newId } from '../../model/id.ts';
import type { Cluster, Node, Service } from '../../model/objects.ts';
import type { Change, Kind, Store, View } from '../../store/contract.ts';
import { openMemoryStore } from '../../store/memory.ts';
import {
  sampleConfig,
  sampleCredential,
  sampleNetwork,
  sampleSecret,
  sampleService,
  sampleTask,
} from '../../store/samples.ts';
import { newCluster } from '../ca/cluster.ts';
import { newNode } from '../ca/issue.ts';
import { withKeyShown, withLock } from '../ca/unlock.ts';
import { openArchive, readHeader, sealArchive } from './archive.ts';
import { asTransactions, type BackupContents, createBackup, readBackup } from './contents.ts';
import { nodeOfHost, restoredObjects, versionBefore } from './restored.ts';

const NOW = Date.UTC(2026, 0, 1);
const HEADER = {
  ...{ created: '2026-01-01T00:00:00Z', cluster: 'c', host: 'h', revision: 9, objects: {} },
  secret: 'passphrase' as const,
};

async function bytes(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}
const says = (message: RegExp) => ({ name: 'ApiError', status: 400, message });

describe('the file of a backup', () => {
  const text = Array.from({ length: 40_000 }, (_, at) => `line ${at} ${newId()}\n`);
  let file: Buffer;
  before(async () => {
    file = await bytes(sealArchive(HEADER, 'open sesame', text));
  });

  test('has what was put into it, for who has the passphrase', async () => {
    assert.ok(file.length > 3 * 256 * 1024, 'of several parts');
    const opened = await openArchive(file, 'open sesame');
    assert.deepEqual(opened.header, HEADER);
    assert.equal(opened.text, text.join(''));
    assert.deepEqual(readHeader(file.subarray(0, 1000)), HEADER);
    await assert.rejects(
      openArchive(file, 'open'),
      says(/this is not the passphrase that the backup was made with/),
    );
    assert.ok(!file.includes('line 1 '));
  });

  test('is refused if anything of it is missing or changed', async () => {
    for (const part of [0, 3, 20, 400, 300_000, file.length - 1])
      await assert.rejects(
        openArchive(file.subarray(0, part), 'open sesame'),
        says(/not a backup|is missing/),
      );
    // Cut exactly between two parts.
    const first = file.indexOf('\n', file.indexOf('\n') + 1) + 1;
    const cut = first + 4 + file.readUInt32BE(first);
    await assert.rejects(openArchive(file.subarray(0, cut), 'open sesame'), says(/its end is missing/));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), async (at) => {
        const changed = Buffer.from(file);
        changed.writeUInt8(changed.readUInt8(at) ^ 0x04, at);
        await assert.rejects(openArchive(changed, 'open sesame'), { name: 'ApiError' });
      }),
      { numRuns: 15 },
    );
    const newer = Buffer.from(file.toString('latin1').replace('backup 1\n', 'backup 2\n'), 'latin1');
    await assert.rejects(openArchive(newer, 'open sesame'), says(/made by a newer Essaim \(format 2/));
  });
});

describe('the contents of a backup', () => {
  let cluster: Cluster;
  before(async () => {
    const parts = { DefaultAddrPool: [], SubnetSize: 24, DataPathPort: 4789, now: NOW };
    const spec = { EncryptionConfig: { AutoLockManagers: true } };
    cluster = withLock(await newCluster({ ...parts, id: 'cluster1', spec }), false);
  });
  const kinds: Kind[] = ['network', 'secret', 'config', 'credential', 'service', 'task'];
  async function filled(more: Change[] = []): Promise<Store> {
    const store = openMemoryStore();
    await store.commit({ changes: [{ op: 'put', kind: 'cluster', object: cluster }, ...more] });
    for (const id of ['a', 'b', 'c'])
      await store.commit({
        changes: [
          { op: 'put', kind: 'network', object: sampleNetwork(`network-${id}`) },
          { op: 'put', kind: 'secret', object: sampleSecret(`secret-${id}`, 'hidden') },
          { op: 'put', kind: 'config', object: sampleConfig(`config-${id}`, 'shown') },
          { op: 'put', kind: 'credential', object: sampleCredential(`credential-${id}`, 'login') },
          { op: 'put', kind: 'service', object: sampleService(`service-${id}`) },
          { op: 'put', kind: 'task', object: sampleTask(`task-${id}`, sampleService(`service-${id}`)) },
        ],
      });
    return store;
  }
  const node = (id: string, role: 'manager' | 'worker', hostname: string, addr: string): Change => {
    const made = newNode({ id, role, addr, now: NOW });
    const object = { ...made, Description: { Hostname: hostname } as Node['Description'] };
    return { op: 'put', kind: 'node', object: { ...object, internal: { specAfter: 3 } } };
  };
  const backup = (view: View, passphrase: string | undefined = 'x') =>
    bytes(createBackup(view, { nodeId: 'h', now: NOW, passphrase }));
  const everything = (view: View) =>
    (['cluster', 'node', ...kinds] as const).map((kind) =>
      [...view.all(kind)].map((object) => ({ ...object, Version: { Index: 0 } })),
    );

  test('are all objects as they were when it began, whatever is written meanwhile', async () => {
    const store = await filled();
    const was = everything(store.view);
    const parts = createBackup(store.view, { nodeId: 'h', now: NOW, passphrase: 'x' })[
      Symbol.asyncIterator
    ]();
    const begun = await parts.next();
    const [service] = store.view.all('service') as Iterable<Service>;
    await store.commit({
      changes: [
        { op: 'put', kind: 'service', object: { ...service!, UpdatedAt: 'now' } },
        {
          op: 'delete',
          kind: 'task',
          id: 'task-b',
          revision: store.view.get('task', 'task-b')!.Version.Index,
        },
      ],
    });
    const file = Buffer.concat([begun.value!, await bytes({ [Symbol.asyncIterator]: () => parts })]);
    const restored = openMemoryStore();
    for (const transaction of asTransactions((await readBackup(file, 'x')).objects))
      await restored.commit(transaction);
    assert.equal(JSON.stringify(everything(restored.view)), JSON.stringify(was));
  });

  test('are encrypted with the unlock key where that is asked for, and with nothing never', async () => {
    const store = await filled();
    assert.throws(
      () => createBackup(store.view, { nodeId: 'h', now: NOW, passphrase: undefined }),
      says(/--passphrase-file/),
    );
    const { unlock } = cluster.internal;
    await store.commit((view) => ({
      changes: [{ op: 'put', kind: 'cluster', object: withKeyShown([...view.all('cluster')][0]!)! }],
    }));
    const file = await bytes(createBackup(store.view, { nodeId: 'h', now: NOW, passphrase: undefined }));
    assert.equal(readHeader(file).secret, 'unlock key');
    assert.equal((await readBackup(file, unlock!.key)).objects.length, 19);
  });

  describe('taken up by a host', () => {
    let contents: BackupContents;
    before(async () => {
      const nodes = [
        node('m1', 'manager', 'one', '10.0.0.1'),
        node('m2', 'manager', 'two', '10.0.0.2'),
        node('w1', 'worker', 'three', '10.0.0.3'),
      ];
      contents = await readBackup(await backup((await filled(nodes)).view), 'x');
    });
    const host = {
      hostname: 'new',
      addr: '10.0.0.9',
      managerAddr: '10.0.0.9:2377',
      nodesOfTasks: [],
      now: NOW,
    };
    const nodesOf = (more: object, from = contents) =>
      restoredObjects(from, { ...host, ...more }, () => 'fresh').objects.flatMap((each) =>
        each.kind === 'node' ? [`${each.object.ID} ${each.object.Spec.Role} ${each.object.Status.Addr}`] : [],
      );

    test('that is new: it is the only manager, and those of before are workers', () => {
      assert.deepEqual(nodesOf({}), [
        'm1 worker 10.0.0.1',
        'm2 worker 10.0.0.2',
        'w1 worker 10.0.0.3',
        'fresh manager 10.0.0.9',
      ]);
    });

    test('that is new: it takes the place of the only manager', () => {
      const objects = contents.objects.filter(({ object }) => object.ID !== 'm2');
      assert.deepEqual(nodesOf({}, { ...contents, objects }), [
        'w1 worker 10.0.0.3',
        'fresh manager 10.0.0.9',
      ]);
    });

    test('that was a node of it: told by its tasks, or else by name and address', () => {
      assert.deepEqual(nodesOf({ nodesOfTasks: ['gone', 'w1', 'm1'] }), [
        'm1 worker 10.0.0.1',
        'm2 worker 10.0.0.2',
        'w1 manager 10.0.0.9',
      ]);
      assert.deepEqual(nodesOf({ hostname: 'two', addr: '10.0.0.2' }), [
        'm1 worker 10.0.0.1',
        'm2 manager 10.0.0.2',
        'w1 worker 10.0.0.3',
      ]);
      assert.equal(nodeOfHost(contents, { ...host, hostname: 'two' }), undefined);
      assert.equal(nodeOfHost(contents, { ...host, addr: '10.0.0.2' }), undefined);
    });

    test('goes on with versions that nobody has seen', () => {
      const hour = 3_600_000;
      assert.ok(versionBefore(contents, NOW) >= contents.header.revision + 1_000_000);
      assert.ok(versionBefore(contents, NOW + hour) >= contents.header.revision + 3600 * 10_000);
      assert.ok(versionBefore(contents, NOW - hour) > contents.header.revision);
      assert.ok(versionBefore(contents, NOW + 10 * 365 * 24 * hour) < Number.MAX_SAFE_INTEGER);
      const after = versionBefore(contents, NOW);
      for (const each of restoredObjects(contents, host, () => 'fresh').objects)
        if (each.kind === 'node' && each.object.ID !== 'fresh')
          assert.equal(each.object.internal.specAfter, after);
    });
  });
});
