import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineClient, RequestOptions } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';
import type { NetworkSpec } from '../../model/spec.ts';
import { NodeLocalNetworks } from './node-local.ts';

type Body = Record<string, unknown> & { Name: string; Labels: Record<string, string> };

/** An engine with networks alone. */
class Engine {
  readonly networks = new Map<string, Body>();
  readonly busy = new Set<string>();
  asked = 0;
  readonly client = { json: this.#json.bind(this) } as unknown as EngineClient;

  async #json(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    this.asked++;
    const [, name = ''] = /^\/networks\/(.+)$/.exec(path) ?? [];
    if (method === 'POST') {
      const body = options.body as Body;
      if ([...this.networks.values()].some(({ Name }) => Name === body.Name))
        throw new ApiError(409, 'taken');
      const Id = `e${this.networks.size + 1}`;
      this.networks.set(Id, { ...body, Id });
      return { Id };
    }
    if (method === 'DELETE') return this.networks.delete(name);
    if (path === '/containers/json') {
      const { network } = (options.query as { filters: { network: string[] } }).filters;
      return this.busy.has(network[0]!) ? [{}] : [];
    }
    if (name === '') return [...this.networks.values()].filter(({ Labels }) => 'essaim.network' in Labels);
    const found = [...this.networks.values()].find(({ Name }) => Name === name);
    if (!found) throw new ApiError(404, 'no such network');
    return found;
  }
}

const network = (ID: string, Name: string, Spec: NetworkSpec = {}) => ({
  ID,
  Spec: { Driver: 'bridge', ...Spec, Name },
});

test('a network is made once, and goes when no container is on it or about to be', async () => {
  const engine = new Engine();
  const networks = new NodeLocalNetworks(engine.client);
  const lan = network('n1', 'lan', { Internal: true, Labels: { a: 'b' }, Options: { x: 'y' } });
  const ids = await Promise.all([networks.ensure(lan), networks.ensure(lan)]);
  assert.deepEqual(ids, ['e1', 'e1']);
  assert.deepEqual(engine.networks.get('e1'), {
    ...{ Id: 'e1', Name: 'lan', Driver: 'bridge', CheckDuplicate: true, EnableIPv6: false },
    ...{ Internal: true, Attachable: false, Options: { x: 'y' } },
    Labels: { a: 'b', 'essaim.network': 'n1' },
  });
  networks.release(lan);
  await networks.prune();
  assert.equal(engine.networks.size, 1, 'one container is still being made');
  networks.release(lan);
  engine.busy.add('e1');
  await networks.prune();
  assert.equal(engine.networks.size, 1, 'a container is on it');
  engine.busy.clear();
  await networks.prune();
  assert.equal(engine.networks.size, 0);
  const { asked } = engine;
  await networks.prune();
  assert.equal(engine.asked, asked, 'there is nothing to look for');
});

test('a network of that name that is the host’s own stays, and so does what stands for overlays', async () => {
  const engine = new Engine();
  engine.networks.set('own', { Name: 'lan', Driver: 'bridge', Labels: {} });
  engine.networks.set('overlay', { Name: 'o', Driver: 'essaim', Labels: { 'essaim.network': 'n2' } });
  const networks = new NodeLocalNetworks(engine.client);
  const lan = network('n1234567890123', 'lan');
  const id = await networks.ensure(lan);
  assert.equal(engine.networks.get(id)!.Name, 'lan.n12345678901');
  networks.release(lan);
  await networks.prune();
  assert.deepEqual([...engine.networks.keys()], ['own', 'overlay']);
});

test('a host’s own configuration says what the network is', async () => {
  const engine = new Engine();
  const networks = new NodeLocalNetworks(engine.client);
  const lan = network('n1', 'lan', { Driver: 'macvlan', ConfigFrom: { Network: 'cfg' } });
  await assert.rejects(networks.ensure(lan), /configuration network "cfg" does not exist on this node/);
  const IPAM = { Driver: 'default', Config: [{ Subnet: '10.1.0.0/24' }] };
  const own = { Name: 'cfg', Driver: 'null', Labels: { c: 'd' } };
  engine.networks.set('cfg', { ...own, ConfigOnly: true, IPAM, Options: { parent: 'eth0' } });
  const { Driver, IPAM: made, Options, Labels } = engine.networks.get(await networks.ensure(lan))!;
  assert.deepEqual([Driver, made, Options], ['macvlan', IPAM, { parent: 'eth0' }]);
  assert.deepEqual(Labels, { c: 'd', 'essaim.network': 'n1' });
  // The attempt that failed holds nothing.
  networks.release(lan);
  await networks.prune();
  assert.deepEqual([...engine.networks.keys()], ['cfg']);
});

test('the engine’s own networks are there', async () => {
  const engine = new Engine();
  const networks = new NodeLocalNetworks(engine.client);
  const Labels = { 'com.docker.swarm.predefined': 'true' };
  const host = network('n1', 'host', { Driver: 'host', Labels });
  assert.equal(await networks.ensure(host), 'host');
  networks.release(host);
  assert.equal(engine.asked, 0);
});
