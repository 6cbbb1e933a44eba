import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MiniCluster, makeNode } from '../../../test/support/mini-cluster.ts';
import type { Cluster, Network } from '../../model/objects.ts';
import { sampleCluster, sampleNetwork } from '../../store/samples.ts';
import { KEY_PERIOD } from './keys.ts';
import { NetworkTables } from './tables.ts';

const SECOND = 1000;

function network(id: string, encrypted: boolean): Network {
  const sample = sampleNetwork(id);
  return {
    ...sample,
    Spec: { ...sample.Spec, Name: id, Driver: 'overlay', Options: encrypted ? { encrypted: '' } : {} },
    internal: {},
  };
}

async function started(): Promise<MiniCluster> {
  const mini = new MiniCluster();
  const object = { ...sampleCluster('c1', '', ''), DefaultAddrPool: ['10.0.0.0/8'], SubnetSize: 24 };
  await mini.write({ op: 'put', kind: 'cluster', object });
  for (const id of ['n1', 'n2']) await mini.addNode(id);
  mini.start();
  await mini.advance(SECOND);
  return mini;
}

const theCluster = (mini: MiniCluster): Cluster => mini.view.get('cluster', 'c1')!;
const keyOf = (mini: MiniCluster): string | undefined => theCluster(mini).internal.networkKey?.key;

test('there is a key while there is an encrypted network, and only then', async () => {
  await using mini = await started();
  await mini.write({ op: 'put', kind: 'network', object: network('plain', false) });
  await mini.advance(SECOND);
  assert.equal(keyOf(mini), undefined);
  await mini.write({ op: 'put', kind: 'network', object: network('secret', true) });
  await mini.advance(SECOND);
  assert.ok(keyOf(mini));
  const revision = mini.view.get('network', 'secret')!.Version.Index;
  await mini.write({ op: 'delete', kind: 'network', id: 'secret', revision });
  await mini.advance(SECOND);
  assert.equal(keyOf(mini), undefined);
  assert.deepEqual(mini.logged, []);
});

test('the key is replaced every twelve hours, also by a manager that was started anew meanwhile', async () => {
  await using mini = await started();
  await mini.write({ op: 'put', kind: 'network', object: network('secret', true) });
  await mini.advance(SECOND);
  const first = keyOf(mini);
  await mini.advance(KEY_PERIOD - 2 * SECOND);
  assert.equal(keyOf(mini), first);
  await mini.stop();
  mini.start();
  await mini.advance(SECOND);
  assert.equal(keyOf(mini), first);
  await mini.advance(2 * SECOND);
  const second = keyOf(mini);
  assert.notEqual(second, first);
  await mini.advance(KEY_PERIOD + SECOND);
  assert.notEqual(keyOf(mini), second);
});

test('a host whose daemon is away for a moment is waited for', async () => {
  await using mini = await started();
  await mini.write({ op: 'put', kind: 'network', object: network('secret', true) });
  await mini.advance(SECOND);
  const first = keyOf(mini);
  await mini.setNode('n2', 'unknown');
  await mini.advance(KEY_PERIOD + SECOND);
  assert.equal(keyOf(mini), first);
  await mini.setNode('n2', 'ready');
  await mini.advance(SECOND);
  assert.notEqual(keyOf(mini), first);
});

test('a new root of the cluster brings a new key at once', async () => {
  await using mini = await started();
  await mini.write({ op: 'put', kind: 'network', object: network('secret', true) });
  await mini.advance(SECOND);
  const first = keyOf(mini);
  const cluster = theCluster(mini);
  const TLSInfo = { ...cluster.TLSInfo, CertIssuerPublicKey: 'another' };
  await mini.write({ op: 'put', kind: 'cluster', object: { ...cluster, TLSInfo } });
  await mini.advance(SECOND);
  assert.notEqual(keyOf(mini), first);
});

test('hosts of encrypted networks are told the key and each other’s, and told again when one of them changes', async () => {
  await using mini = await started();
  const Description = makeNode('', '').Description!;
  Description.Engine.Plugins = [{ Type: 'Network', Name: 'overlay' }];
  for (const id of ['a', 'b']) {
    await mini.addNode(id, { Description, internal: { tunnelKey: `key of ${id}` } });
  }
  for (const [id, encrypted] of [
    ['plain', false],
    ['secret', true],
  ] as const)
    await mini.write({ op: 'put', kind: 'network', object: network(id, encrypted) });
  await mini.advance(SECOND);
  for (const id of ['a', 'b']) {
    const node = mini.view.get('node', id)!;
    const networks = { plain: ['10.0.0.2/24'], secret: ['10.0.1.2/24'] };
    await mini.write({
      op: 'put',
      kind: 'node',
      object: { ...node, internal: { ...node.internal, networks } },
    });
  }
  const tables = new NetworkTables(mini.view);
  const overlay = (id: string) => tables.overlay(id, 'a');
  assert.equal(overlay('secret').networkKey, keyOf(mini));
  assert.deepEqual(
    overlay('secret').peers.map(({ tunnelKey }) => tunnelKey),
    ['key of b'],
  );
  assert.equal(overlay('secret').mtu, 1350);
  assert.equal('networkKey' in overlay('plain'), false);
  assert.equal('tunnelKey' in overlay('plain').peers[0]!, false);
  assert.equal(overlay('plain').mtu, 1450);

  const b = mini.view.get('node', 'b')!;
  await mini.write({ op: 'put', kind: 'node', object: { ...b, internal: { ...b.internal, left: true } } });
  assert.equal('tunnelKey' in overlay('secret').peers[0]!, false);

  const touched: string[] = [];
  const unwatch = mini.store.watch(mini.view.revision, (commit) => touched.push(...tables.apply(commit)));
  await mini.advance(KEY_PERIOD + SECOND);
  assert.deepEqual(touched, ['secret']);
  assert.equal(overlay('secret').networkKey, keyOf(mini));
  unwatch();
});
