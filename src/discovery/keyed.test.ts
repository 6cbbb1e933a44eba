/** Discovery and elections in real stores: etcd by its old and its new API, and what Consul answers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HttpEtcd } from '../../test/support/etcd-http.ts';
import { eventually } from '../../test/support/lab.ts';
import { TestRegistry } from '../registry/testing/registry.ts';
import type { DiscoveryOptions } from './contract.ts';
import { DiscoveryError } from './contract.ts';
import { findDiscovery } from './parse.ts';

const quiet: DiscoveryOptions = { heartbeat: 1, options: {}, failed: () => undefined };

interface TestStore extends AsyncDisposable {
  address: string;
}

for (const [name, scheme, open] of [
  ['etcd, its old API', 'etcd', () => HttpEtcd.start({ v2: true })],
  ['etcd, its new API', 'etcd', () => HttpEtcd.start()],
  ['the registry, as a Consul', 'consul', () => TestRegistry.start({ speed: 3 })],
] as Array<[string, string, () => Promise<TestStore>]>) {
  describe(name, { timeout: 60_000 }, () => {
    let store: TestStore;
    let over: AbortController;
    before(async () => {
      store = await open();
      over = new AbortController();
    });
    after(async () => {
      over.abort();
      await store?.[Symbol.asyncDispose]();
    });
    const find = (prefix: string, options = quiet) =>
      findDiscovery(`${scheme}://${store.address}/${prefix}`, options);

    test('hosts that say where they are are found, and forgotten when they stop', async () => {
      const { discovery } = find('swarm/one');
      let found: readonly string[] | undefined;
      void (async () => {
        for await (const entries of discovery.watch(over.signal)) found = entries.toSorted();
      })();
      await eventually('nobody is there', 10_000, async () => found?.length === 0);
      await discovery.register('10.0.0.1:2375', 300, over.signal);
      await discovery.register('10.0.0.2:2375', 1, over.signal);
      await eventually('both are there', 10_000, async () => found?.join() === '10.0.0.1:2375,10.0.0.2:2375');
      await discovery.register('10.0.0.1:2375', 300, over.signal);
      await eventually('one is gone', 30_000, async () => found?.join() === '10.0.0.1:2375');
      const { discovery: other } = find('swarm/two');
      for await (const entries of other.watch(over.signal)) {
        assert.deepEqual(entries, []);
        break;
      }
    });

    test('what managers keep is there for those after them, until it is removed', async () => {
      const { shelf } = find('swarm/three');
      await shelf!.put('one', 'first', over.signal);
      await shelf!.put('two', 'é'.repeat(20_000), over.signal);
      await shelf!.put('one', 'second', over.signal);
      const again = find('swarm/three').shelf!;
      const values = async () => (await again.all(over.signal)).map((value) => value.slice(0, 6)).sort();
      assert.deepEqual(await values(), ['second', 'éééééé']);
      await again.remove('two', over.signal);
      await again.remove('two', over.signal);
      assert.deepEqual(await values(), ['second']);
      const { discovery } = find('swarm/three');
      for await (const entries of discovery.watch(over.signal)) {
        assert.deepEqual(entries, []);
        break;
      }
    });

    test('of two managers one leads; when it gives up, the other one does', async () => {
      const leaders: Record<string, string | undefined> = {};
      const ends = ['a:1', 'b:1'].map((address) => {
        const end = new AbortController();
        const signal = AbortSignal.any([over.signal, end.signal]);
        const { election } = find('managers');
        const done = election!.campaign(
          address,
          2,
          (leader) => {
            leaders[address] = leader;
          },
          signal,
        );
        return { address, end, done };
      });
      const agreed = () =>
        eventually(
          'both agree',
          20_000,
          async () => leaders['a:1'] !== undefined && leaders['a:1'] === leaders['b:1'] && leaders['a:1'],
        );
      const first = await agreed();
      const leader = ends.find(({ address }) => address === first)!;
      const other = ends.find(({ address }) => address !== first)!;
      leader.end.abort();
      await leader.done;
      await eventually('the other one leads', 20_000, async () => leaders[other.address] === other.address);
      other.end.abort();
      await other.done;
    });
  });
}

test('keys are those of classic Swarm, unless another path is given', async () => {
  await using etcd = await HttpEtcd.start({ v2: true });
  const { signal } = new AbortController();
  const url = `etcd://${etcd.address}/p`;
  await findDiscovery(url, quiet).discovery.register('h:1', 60, signal);
  await findDiscovery(url, { ...quiet, options: { 'kv.path': 'some/path' } }).discovery.register(
    'h:1',
    60,
    signal,
  );
  for (const key of ['p/docker/swarm/nodes/h:1', 'p/some/path/h:1']) {
    const answer = (await (await fetch(`http://${etcd.address}/v2/keys/${key}`)).json()) as {
      node: { value: string; ttl: number };
    };
    assert.equal(answer.node.value, 'h:1');
    assert.ok(answer.node.ttl > 50 && answer.node.ttl <= 60);
  }
});

test('a store that is away is told of, what is known stays, and it is found again', async (t) => {
  await using etcd = await HttpEtcd.start();
  const over = new AbortController();
  t.after(() => over.abort());
  const failures: string[] = [];
  const options = { ...quiet, failed: (error: Error) => failures.push(error.message) };
  const { discovery } = findDiscovery(`etcd://${etcd.address}/p`, options);
  const heard: string[] = [];
  const watching = (async () => {
    for await (const entries of discovery.watch(over.signal)) heard.push(entries.join());
  })();
  await discovery.register('h:1', 300, over.signal);
  await eventually('it is known', 10_000, async () => heard.at(-1) === 'h:1');
  await etcd.kill();
  await eventually('it is told', 10_000, async () => failures.some((text) => text.includes(etcd.address)));
  await etcd.start();
  await discovery.register('i:1', 300, over.signal);
  await eventually('it goes on', 10_000, async () => heard.at(-1)?.split(',').sort().join() === 'h:1,i:1');
  assert.ok(!heard.slice(1).includes(''));
  over.abort();
  await watching;
});

for (const [url, message] of [
  ['nosuch://x', 'discovery service not supported'],
  ['etcd://', 'etcd:// needs the address of a store'],
  ['token://', 'token is empty'],
  ['token://h:1/v1/', 'token is empty'],
  [
    '10.0.0.1',
    'address 10.0.0.1: missing port in address, please check you are using the correct discovery (missing token:// ?)',
  ],
] as const) {
  test(`${url} is refused`, () => {
    assert.throws(
      () => findDiscovery(url, quiet),
      (error: Error) => error instanceof DiscoveryError && error.message.startsWith(message),
    );
  });
}

test('TLS to a store needs all three files', () => {
  const options = { ...quiet, options: { 'kv.cacertfile': '/nosuch' } };
  assert.throws(() => findDiscovery('etcd://h:1', options), /kv\.cacertfile, kv\.certfile and kv\.keyfile/);
});
