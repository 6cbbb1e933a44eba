import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MiniCluster, makeNode } from '../../../test/support/mini-cluster.ts';
import { contains, hostOf, overlaps, parseAddress, parseSubnet } from '../../model/cidr.ts';
import { keptEndpoint } from '../../model/endpoint.ts';
import type { Cluster, Network } from '../../model/objects.ts';
import type { AttachedContainer } from '../../model/protocol.ts';
import type { NetworkSpec, ServiceSpec } from '../../model/spec.ts';
import { sampleCluster } from '../../store/samples.ts';
import { reportedAttachments } from '../networks/attachments.ts';
import { claimsOf } from './claims.ts';
import { AllocatorIndex, ownerKey } from './index.ts';

function network(id: string, spec: NetworkSpec, at: string): Network {
  return {
    ...{ ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    Spec: { Name: id, Driver: 'overlay', ...spec },
    internal: {},
  };
}

class Bench extends MiniCluster {
  #made = 0;

  static async begin(cluster: Partial<Cluster> = {}, nodes = 2): Promise<Bench> {
    const bench = new Bench();
    await bench.write({
      op: 'put',
      kind: 'cluster',
      object: { ...sampleCluster('c1', '', ''), DefaultAddrPool: [], SubnetSize: 24, ...cluster },
    });
    const Description = makeNode('', '').Description!;
    Description.Engine.Plugins = ['overlay', 'bridge'].map((Name) => ({ Type: 'Network', Name }));
    for (let i = 1; i <= nodes; i++) await bench.addNode(`n${i}`, { Description });
    await bench.addNetwork('ingress', { Ingress: true });
    bench.start();
    await bench.advance(100);
    return bench;
  }

  async addNetwork(id: string, spec: NetworkSpec = {}): Promise<void> {
    await this.write({ op: 'put', kind: 'network', object: network(id, spec, this.now()) });
  }

  async serve(id: string, networks: string[], replicas: number, more: ServiceSpec = {}): Promise<void> {
    await this.addService(id, {
      Name: id,
      TaskTemplate: {
        ContainerSpec: { Image: 'x' },
        ...(networks.length > 0 ? { Networks: networks.map((Target) => ({ Target })) } : {}),
      },
      Mode: { Replicated: { Replicas: replicas } },
      ...more,
    });
    await this.advance(1000);
  }

  async attach(nodeId: string, NetworkID: string, wanted: string[] = []): Promise<string> {
    const id = `attachment${++this.#made}`;
    const [CreatedAt, UpdatedAt] = [this.now(), this.now()];
    const object = { ...{ ID: id, Version: { Index: 0 }, CreatedAt, UpdatedAt }, NetworkID, NodeID: nodeId };
    await this.write({
      op: 'put',
      kind: 'attachment',
      object: { ...object, Addresses: [], internal: { wanted } },
    });
    return id;
  }

  /** The containers of the attachments of that node. */
  attached(nodeId: string): AttachedContainer[] {
    return [...this.view.all('attachment')].flatMap(({ ID, NodeID, NetworkID, Addresses, internal }) => {
      if (NodeID !== nodeId) return [];
      const { id = ID } = internal.container ?? {};
      const addresses = (Addresses.length > 0 ? Addresses : (internal.wanted ?? [])).map(hostOf);
      return [{ id, name: id, running: true, networks: [{ id: NetworkID, addresses }] }];
    });
  }

  async tell(nodeId: string, containers: AttachedContainer[]): Promise<string[]> {
    const more = { now: Date.parse(this.now()), newId: () => `attachment${++this.#made}` };
    const { changes, refused } = reportedAttachments(this.view, nodeId, { containers, pending: [] }, more);
    await this.write(...changes);
    return refused;
  }

  subnets(id: string): string[] {
    return this.view.get('network', id)!.internal.allocated?.subnets.map(({ subnet }) => subnet) ?? [];
  }

  /** Everything given, from the objects alone; throws if something is given twice. */
  claims(): Map<string, string> {
    const owners = new Map<string, string>();
    for (const kind of ['network', 'service', 'node', 'task', 'attachment'] as const) {
      for (const object of this.view.all(kind)) {
        for (const claim of claimsOf(kind, object)) {
          const owner = ownerKey(kind, object.ID);
          assert.ok(!owners.has(claim), `${claim}: ${owners.get(claim)} and ${owner}`);
          owners.set(claim, owner);
        }
      }
    }
    return owners;
  }
}

describe('allocator', () => {
  test('gives the ingress network, networks, services, hosts and tasks what Docker gives them', async () => {
    await using bench = await Bench.begin();
    await bench.addNetwork('net1');
    await bench.serve('web', ['net1'], 3, {
      EndpointSpec: { Mode: 'vip', Ports: [{ TargetPort: 80, PublishMode: 'ingress' }] },
    });
    assert.deepEqual(bench.subnets('ingress'), ['10.0.0.0/24']);
    assert.deepEqual(bench.subnets('net1'), ['10.0.1.0/24']);
    assert.equal(bench.view.get('network', 'ingress')!.internal.allocated!.vni, 4096);
    assert.equal(bench.view.get('network', 'net1')!.internal.allocated!.vni, 4097);
    const { Ports, VirtualIPs } = bench.view.get('service', 'web')!.Endpoint;
    assert.equal(JSON.stringify(Ports), '[{"TargetPort":80,"PublishedPort":30000,"PublishMode":"ingress"}]');
    assert.deepEqual(
      VirtualIPs!.map(({ NetworkID }) => NetworkID),
      ['ingress', 'net1'],
    );
    assert.equal(bench.running('web').length, 3);
    for (const task of bench.running('web')) {
      assert.deepEqual(
        task.NetworksAttachments!.map(({ Network }) => Network.ID),
        ['ingress', 'net1'],
      );
      const [address] = task.NetworksAttachments![1]!.Addresses;
      assert.match(address!, /^10\.0\.1\.\d+\/24$/);
    }
    for (const node of bench.view.all('node')) {
      assert.deepEqual(Object.keys(node.internal.networks!).sort(), ['ingress', 'net1']);
    }
    bench.claims();
    assert.deepEqual(bench.logged, []);
  });

  test('containers that are no tasks get addresses of their own, those that they ask for if these are free', async () => {
    await using bench = await Bench.begin();
    await bench.addNetwork('net1');
    await bench.serve('web', ['net1'], 1);
    const [taken] = bench.running('web')[0]!.NetworksAttachments![0]!.Addresses;
    const ids = [];
    for (const wanted of [[], ['10.0.1.77'], ['10.0.1.77'], [hostOf(taken!)], ['10.0.1.255'], ['10.7.0.1']])
      ids.push(await bench.attach('n2', 'net1', wanted));
    await bench.advance(100);
    const [free, own, ...others] = ids.map((id) => bench.view.get('attachment', id)!);
    assert.match(free!.Addresses[0]!, /^10\.0\.1\.\d+\/24$/);
    assert.deepEqual(own!.Addresses, ['10.0.1.77/24']);
    assert.deepEqual(
      others.map(({ Addresses, internal }) => [Addresses, internal.lack]),
      [
        [[], 'Address already in use: 10.0.1.77 in network net1'],
        [[], `Address already in use: ${hostOf(taken!)} in network net1`],
        [[], 'Address already in use: 10.0.1.255 in network net1'],
        [[], 'invalid address 10.7.0.1: it does not belong to any of the subnets of network net1'],
      ],
    );
    assert.ok(bench.view.get('node', 'n2')!.internal.networks?.net1);
    bench.claims();
  });

  test('a host has its part in a network for as long as such a container has one', async () => {
    await using bench = await Bench.begin();
    await bench.addNetwork('net1');
    await bench.advance(100);
    const before = bench.claims();
    await bench.attach('n2', 'net1');
    await bench.advance(100);
    assert.ok(bench.view.get('node', 'n2')!.internal.networks?.net1);
    await bench.tell('n2', []);
    await bench.advance(100);
    assert.deepEqual(bench.claims(), before);
    await bench.attach('n2', 'net1');
    await bench.advance(100);
    await bench.remove('node', 'n2');
    await bench.advance(100);
    assert.equal(bench.view.count('attachment'), 0);
  });

  test('networks that each node has for itself come with the task, without addresses', async () => {
    await using bench = await Bench.begin();
    const before = bench.claims();
    await bench.addNetwork('lan', { Driver: 'bridge', Options: { a: 'b' } });
    await bench.addNetwork('net1');
    await bench.serve('web', ['lan', 'net1'], 2);
    await bench.serve('own', ['lan'], 1);
    assert.equal(bench.running('web').length, 2);
    assert.equal(bench.view.get('network', 'lan')!.internal.allocated, undefined);
    for (const task of bench.running('web')) {
      const [lan, net1] = task.NetworksAttachments!;
      const Spec = { Name: 'lan', Driver: 'bridge', Options: { a: 'b' } };
      assert.deepEqual(lan, { Network: { ID: 'lan', Spec }, Addresses: [] });
      assert.equal(net1!.Addresses.length, 1);
    }
    const [own] = bench.running('own');
    assert.deepEqual(
      own!.NetworksAttachments!.map(({ Addresses }) => Addresses),
      [[]],
    );
    assert.deepEqual(
      bench.view.get('service', 'web')!.Endpoint.VirtualIPs!.map(({ NetworkID }) => NetworkID),
      ['net1'],
    );
    for (const node of bench.view.all('node')) assert.ok(!node.internal.networks?.lan);
    for (const id of ['web', 'own']) await bench.remove('service', id);
    await bench.advance(5000);
    for (const id of ['lan', 'net1']) await bench.remove('network', id);
    await bench.advance(1000);
    assert.deepEqual(bench.claims(), before);
    assert.deepEqual(bench.logged, []);
  });

  test('takes everything back, down to the hosts’ own addresses', async () => {
    await using bench = await Bench.begin();
    const before = [...bench.claims().keys()];
    await bench.addNetwork('net1');
    await bench.serve('web', ['net1'], 5, {
      EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80 }] },
    });
    assert.ok(bench.claims().size > 10);
    await bench.remove('service', 'web');
    await bench.advance(5000);
    await bench.remove('network', 'net1');
    await bench.advance(1000);
    assert.deepEqual([...bench.claims().keys()], before);
  });

  test('IPv6 networks give both kinds of addresses', async () => {
    await using bench = await Bench.begin();
    await bench.addNetwork('net6', { EnableIPv6: true });
    await bench.serve('web', ['net6'], 2);
    const [v4, v6] = bench.subnets('net6');
    assert.equal(v4, '10.0.1.0/24');
    assert.match(v6!, /^fd[0-9a-f:]+::\/64$/);
    const [task] = bench.running('web');
    assert.equal(task!.NetworksAttachments![0]!.Addresses.length, 2);
    assert.ok(
      contains(parseSubnet(v6!)!, parseAddress(hostOf(task!.NetworksAttachments![0]!.Addresses[1]!))!),
    );
    assert.equal(bench.view.get('service', 'web')!.Endpoint.VirtualIPs!.length, 2);
  });

  test('keeps to the pools and out of what hosts have routes to', async () => {
    await using bench = await Bench.begin({ DefaultAddrPool: ['172.30.0.0/22'], SubnetSize: 24 });
    await bench.change('node', 'n2', (node) => ({
      ...node,
      Description: { ...node.Description!, Routes: ['172.30.1.128/25', '192.168.0.0/16'] },
    }));
    for (const id of ['a', 'b', 'c']) await bench.addNetwork(id);
    await bench.advance(100);
    assert.deepEqual(
      ['ingress', 'a', 'b'].flatMap((id) => bench.subnets(id)),
      ['172.30.0.0/24', '172.30.2.0/24', '172.30.3.0/24'],
    );
    assert.deepEqual(bench.subnets('c'), []);
    await bench.serve('web', ['c'], 1);
    const [task] = bench.tasks('web');
    assert.equal(task!.Status.State, 'pending');
    assert.equal(
      task!.Status.Err,
      'network c: could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    );
    await bench.remove('network', 'a');
    await bench.advance(1000);
    assert.deepEqual(bench.subnets('c'), ['172.30.2.0/24']);
    assert.equal(bench.running('web').length, 1);
  });

  test('a user’s subnet, gateway, range and reserved addresses are kept to', async () => {
    await using bench = await Bench.begin();
    const Config = [
      {
        Subnet: '10.5.0.0/24',
        Gateway: '10.5.0.130',
        IPRange: '10.5.0.128/29',
        AuxiliaryAddresses: { printer: '10.5.0.131' },
      },
    ];
    await bench.addNetwork('net1', { IPAM: { Config } });
    await bench.serve('web', ['net1'], 9);
    const given = [...bench.claims().keys()].filter((claim) => claim.startsWith('address net1')).sort();
    assert.deepEqual(
      given,
      [...Array(8).keys()].map((i) => `address net1 10.5.0.${128 + i}`),
    );
    const waiting = bench.tasks('web').filter(({ Status }) => Status.State === 'pending');
    assert.ok(waiting.length > 0);
    for (const { Status } of waiting) {
      assert.equal(Status.Err, 'no address is left in network net1 (10.5.0.0/24)');
    }
  });

  test('a VXLAN identifier that was asked for is given once', async () => {
    await using bench = await Bench.begin();
    const Options = { 'com.docker.network.driver.overlay.vxlanid_list': '5000' };
    await bench.addNetwork('net1', { Options });
    await bench.addNetwork('net2', { Options });
    await bench.advance(1000);
    const given = ['net1', 'net2'].map((id) => bench.view.get('network', id)!.internal.allocated?.vni);
    assert.deepEqual(given, [5000, undefined]);
  });

  test('tasks that find no address get the one that is freed', async () => {
    await using bench = await Bench.begin({}, 1);
    await bench.addNetwork('net1', { IPAM: { Config: [{ Subnet: '10.5.0.0/29' }] } });
    // Six addresses: the gateway's, the host's, the service's, three for tasks.
    await bench.serve('a', ['net1'], 3);
    assert.equal(bench.running('a').length, 3);
    await bench.serve('b', ['net1'], 1);
    assert.equal(bench.running('b').length, 0);
    assert.equal(bench.tasks('b')[0]!.Status.Err, 'no address is left in network net1 (10.5.0.0/29)');
    await bench.updateService('a', (spec) => ({ ...spec, Mode: { Replicated: { Replicas: 1 } } }));
    await bench.advance(5000);
    assert.equal(bench.running('b').length, 1);
    bench.claims();
  });

  test('what was freed is given again as late as can be', async () => {
    await using bench = await Bench.begin({}, 1);
    await bench.addNetwork('net1');
    await bench.serve('a', ['net1'], 1);
    const [before] = bench.running('a')[0]!.NetworksAttachments![0]!.Addresses;
    await bench.remove('service', 'a');
    await bench.advance(5000);
    await bench.serve('b', ['net1'], 1);
    const [after] = bench.running('b')[0]!.NetworksAttachments![0]!.Addresses;
    assert.notEqual(after, before);
  });

  test('ports without a number keep theirs over an update', async () => {
    await using bench = await Bench.begin();
    await bench.serve('web', [], 1, { EndpointSpec: { Ports: [{ TargetPort: 80 }] } });
    const EndpointSpec = { Ports: [{ TargetPort: 81 }, { TargetPort: 80 }] };
    await bench.updateService('web', (spec) => ({ ...spec, EndpointSpec }));
    await bench.advance(100);
    assert.deepEqual(bench.view.get('service', 'web')!.Endpoint.Ports, [
      { TargetPort: 81, PublishedPort: 30001 },
      { TargetPort: 80, PublishedPort: 30000 },
    ]);
  });

  test('no host leaves the routing mesh while the only published port changes', async () => {
    await using bench = await Bench.begin();
    const publish = (PublishedPort: number) => ({
      EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort }] },
    });
    await bench.serve('web', [], 1, publish(80));
    const parts = () => [...bench.view.all('node')].map(({ internal }) => internal.networks);
    const before = parts();
    assert.ok(before.every((networks) => networks!.ingress));
    const seen: unknown[] = [];
    const unwatch = bench.store.watch(bench.view.revision, () => seen.push(parts()));
    const service = bench.view.get('service', 'web')!;
    const Spec = { ...service.Spec, ...publish(81) };
    // As the API does it: of an endpoint whose ports have all changed it keeps none.
    const Endpoint = keptEndpoint(Spec, service.Endpoint);
    await bench.write({ op: 'put', kind: 'service', object: { ...service, Spec, Endpoint } });
    await bench.advance(5000);
    unwatch();
    assert.equal(bench.view.get('service', 'web')!.Endpoint.Ports![0]!.PublishedPort, 81);
    for (const networks of seen) assert.deepEqual(networks, before);
  });

  test('without an ingress network a service that publishes waits for one', async () => {
    await using bench = await Bench.begin();
    await bench.remove('network', 'ingress');
    await bench.serve('web', [], 1, { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80 }] } });
    assert.equal(
      bench.tasks('web')[0]!.Status.Err,
      'service needs ingress network, but no ingress network is present',
    );
    await bench.addNetwork('mesh', { Ingress: true });
    await bench.advance(1000);
    assert.equal(bench.running('web').length, 1);
    assert.equal(bench.view.get('service', 'web')!.Endpoint.VirtualIPs![0]!.NetworkID, 'mesh');
  });

  const names = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ op: fc.constant('network' as const), id: names, v6: fc.boolean(), small: fc.boolean() }),
    fc.record({ op: fc.constant('drop network' as const), id: names }),
    fc.record({
      op: fc.constant('service' as const),
      id: names,
      networks: fc.uniqueArray(names),
      replicas: fc.integer({ min: 0, max: 6 }),
      port: fc.constantFrom(undefined, 0, 80, 81),
      dnsrr: fc.boolean(),
    }),
    fc.record({ op: fc.constant('drop service' as const), id: names }),
    fc.record({ op: fc.constant('node' as const), id: fc.constantFrom('n1', 'n2'), up: fc.boolean() }),
    fc.record({
      op: fc.constant('attach' as const),
      node: fc.constantFrom('n1', 'n2'),
      network: names,
      wanted: fc.option(fc.integer({ min: 0, max: 8 })),
    }),
    fc.record({
      op: fc.constant('report' as const),
      node: fc.constantFrom('n1', 'n2'),
      gone: fc.nat(3),
      stray: fc.option(fc.integer({ min: 0, max: 8 })),
    }),
    fc.record({ op: fc.constant('restart' as const) }),
    fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
  );

  test('nothing is ever given twice, nothing is leaked, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        await using bench = await Bench.begin();
        const unwatch = bench.store.watch(bench.view.revision, () => bench.claims());
        for (const each of steps) {
          await carryOut(bench, each);
          await bench.advance(20);
        }
        const index = new AllocatorIndex(bench.view);
        assert.deepEqual(index.claims(), bench.claims());
        checkSubnets(bench);
        for (const { ID } of [...bench.view.all('service')]) await bench.remove('service', ID);
        for (const id of ['n1', 'n2']) await bench.tell(id, []);
        for (const node of [...bench.view.all('node')]) await bench.setNode(node.ID, 'ready');
        await bench.advance(120_000);
        for (const { ID, Spec } of [...bench.view.all('network')]) {
          if (!Spec.Ingress) await bench.remove('network', ID);
        }
        await bench.advance(1000);
        assert.deepEqual([...bench.claims().keys()], ['vni 4096', 'address ingress 10.0.0.1']);
        assert.equal(bench.view.count('attachment'), 0);
        assert.deepEqual(bench.logged, []);
        unwatch();
      }),
      { numRuns: 60 },
    );
  });

  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  async function carryOut(bench: Bench, each: Step): Promise<void> {
    const { view } = bench;
    switch (each.op) {
      case 'network': {
        if (view.get('network', each.id)) return;
        const subnet = `10.9.${each.id.charCodeAt(0)}.0/29`;
        const IPAM = each.small ? { Config: [{ Subnet: subnet }] } : {};
        return bench.addNetwork(each.id, { EnableIPv6: each.v6, IPAM });
      }
      case 'drop network':
        return view.get('network', each.id) && bench.remove('network', each.id);
      case 'service': {
        const networks = each.networks.filter((id) => view.get('network', id));
        const Ports =
          each.port === undefined || each.dnsrr ? [] : [{ TargetPort: 1, PublishedPort: each.port }];
        const spec: ServiceSpec = {
          Name: each.id,
          TaskTemplate: { ContainerSpec: { Image: 'x' }, Networks: networks.map((Target) => ({ Target })) },
          Mode: { Replicated: { Replicas: each.replicas } },
          EndpointSpec: { Mode: each.dnsrr ? 'dnsrr' : 'vip', Ports },
        };
        if (!view.get('service', each.id)) return bench.addService(each.id, spec);
        await bench.updateService(each.id, () => spec);
        return bench.change('service', each.id, (service) => ({
          ...service,
          Endpoint: keptEndpoint(spec, service.Endpoint),
        }));
      }
      case 'drop service':
        return view.get('service', each.id) && bench.remove('service', each.id);
      case 'node':
        return bench.setNode(each.id, each.up ? 'ready' : 'down');
      case 'attach':
        await bench.attach(
          each.node,
          each.network,
          each.wanted === null ? [] : [addressIn(each.network, each.wanted)],
        );
        return;
      case 'report': {
        const there = bench.attached(each.node).slice(each.gone);
        const networks = [{ id: 'a', addresses: [addressIn('a', each.stray ?? 0)] }];
        const stray = { id: 'stray', name: 'stray', running: true, networks };
        await bench.tell(each.node, each.stray === null ? there : [...there, stray]);
        return;
      }
      case 'restart':
        await bench.stop();
        return bench.start();
      case 'wait':
        return bench.advance(each.ms);
    }
  }

  function addressIn(network: string, last: number): string {
    return `10.9.${network.charCodeAt(0)}.${last}`;
  }

  function checkSubnets(bench: Bench): void {
    const all = [...bench.view.all('network')].flatMap(({ ID }) =>
      bench.subnets(ID).map((s) => parseSubnet(s)!),
    );
    for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) assert.ok(!overlaps(a, b));
  }
});
