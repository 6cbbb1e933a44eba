import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MiniCluster, makeNode } from '../../../test/support/mini-cluster.ts';
import { keptEndpoint } from '../../model/endpoint.ts';
import { type NetworkState, updatedState } from '../../model/network-state.ts';
import type { Attachment, Network, NodeState } from '../../model/objects.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import { sampleCluster } from '../../store/samples.ts';
import { NetworkTables, networkStateFor } from './tables.ts';
import { ToldNetworks } from './told.ts';

const NODES = ['n1', 'n2', 'n3'];

async function cluster(): Promise<MiniCluster> {
  const mini = new MiniCluster();
  const object = { ...sampleCluster('c1', '', ''), DefaultAddrPool: [], SubnetSize: 24 };
  await mini.write({ op: 'put', kind: 'cluster', object });
  const Description = makeNode('', '').Description!;
  Description.Engine.Plugins = [{ Type: 'Network', Name: 'overlay' }];
  for (const [i, id] of NODES.entries())
    await mini.addNode(id, { Description, Status: { State: 'ready', Addr: `192.168.0.${i + 1}` } });
  for (const id of ['ingress', 'a', 'b'])
    await mini.write({ op: 'put', kind: 'network', object: network(id) });
  mini.start();
  await mini.advance(100);
  return mini;
}

function network(id: string): Network {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    ...{ ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
    Spec: { Name: id, Driver: 'overlay', Ingress: id === 'ingress' },
    internal: {},
  };
}

function spec(name: string, networks: string[], replicas: number, port?: number): ServiceSpec {
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: 'x' },
      Networks: networks.map((Target) => ({ Target, Aliases: [`${name}-alias`] })),
    },
    Mode: { Replicated: { Replicas: replicas } },
    EndpointSpec: { Mode: 'vip', Ports: port ? [{ TargetPort: 80, PublishedPort: port }] : [] },
  };
}

describe('what a host is told of its networks', () => {
  test('a network with tasks on it: own address, peers, endpoints, services', async () => {
    await using mini = await cluster();
    await mini.addService('web', spec('web', ['a'], 2));
    await mini.advance(2000);
    const tasks = mini.running('web');
    const [here, there] = tasks.map(({ NodeID }) => NodeID!);
    const state = networkStateFor(mini.view, here!);
    assert.deepEqual(state.published, []);
    const [overlay, ...more] = state.networks;
    assert.deepEqual(more, []);
    assert.equal(overlay!.id, 'a');
    assert.equal(overlay!.vni, 4097);
    assert.deepEqual(overlay!.subnets, [{ subnet: '10.0.1.0/24', gateway: '10.0.1.1' }]);
    assert.match(overlay!.addresses[0]!, /^10\.0\.1\.\d+\/24$/);
    assert.deepEqual(
      overlay!.peers.map(({ nodeId, underlay }) => [nodeId, underlay]),
      [[there, mini.view.get('node', there!)!.Status.Addr]],
    );
    assert.deepEqual(
      overlay!.endpoints.map(({ id, nodeId }) => [id, nodeId]),
      tasks.map(({ ID, NodeID }) => [ID, NodeID]).sort(),
    );
    assert.deepEqual(overlay!.endpoints[0]!.names, [`web.${tasks[0]!.Slot}.${tasks[0]!.ID}`]);
    const [service] = overlay!.services;
    assert.equal(service!.name, 'web');
    assert.deepEqual(service!.aliases, ['web-alias']);
    assert.equal(service!.vips.length, 1);
    assert.deepEqual(service!.ready, tasks.map(({ ID }) => ID).sort());
    const third = NODES.find((id) => id !== here && id !== there)!;
    assert.deepEqual(networkStateFor(mini.view, third).networks, []);
  });

  test('a task that takes part is known by what its container takes its host for', async () => {
    await using mini = await cluster();
    const service = spec('web', ['a'], 1);
    service.TaskTemplate!.ContainerSpec!.Hostname = 'box-{{.Task.Slot}}-on-{{.Node.ID}}';
    await mini.addService('web', service);
    await mini.advance(2000);
    const [task] = mini.running('web');
    const names = () => networkStateFor(mini.view, task!.NodeID!).networks[0]?.endpoints[0]?.names;
    const own = `web.1.${task!.ID}`;
    const ContainerStatus = { ContainerID: '0123456789abcdef', PID: 1, ExitCode: 0 };
    await mini.change('task', task!.ID, (each) => ({ ...each, Status: { ...each.Status, ContainerStatus } }));
    assert.deepEqual(names(), [own, `box-1-on-${task!.NodeID}`, '0123456789ab']);
    await mini.change('task', task!.ID, (each) => ({ ...each, DesiredState: 'shutdown' }));
    assert.deepEqual(names(), [own]);
  });

  test('published ports lead to the running tasks on every host', async () => {
    await using mini = await cluster();
    await mini.addService('web', spec('web', [], 1, 8080));
    await mini.advance(2000);
    const [task] = mini.running('web');
    const target = task!.NetworksAttachments![0]!.Addresses[0]!.split('/')[0];
    for (const id of NODES) {
      const { networks, published } = networkStateFor(mini.view, id);
      assert.deepEqual(
        networks.map(({ ingress }) => ingress),
        [true],
      );
      assert.deepEqual(published, [
        { protocol: 'tcp', port: 8080, targetPort: 80, serviceId: 'web', targets: [target] },
      ]);
    }
  });

  test('each host is to list the network of the mesh, with a part in it or without, for as long as it is there', async () => {
    await using mini = await cluster();
    const tables = new NetworkTables(mini.view);
    const told = new ToldNetworks(tables, 'n1');
    let state = updatedState(undefined, told.full(mini.view.revision));
    mini.store.watch(mini.view.revision, (commit) => {
      tables.apply(commit);
      const update = told.changes(mini.view.revision);
      if (update) state = updatedState(state, update);
    });
    const subnets = [{ subnet: '10.0.0.0/24', gateway: '10.0.0.1' }];
    const listed = [{ id: 'ingress', name: 'ingress', internal: false, ingress: true, subnets }];
    assert.deepEqual([state!.networks, state!.listed], [[], listed]);
    await mini.remove('network', 'ingress');
    assert.deepEqual(state!.listed, []);
    await mini.write({ op: 'put', kind: 'network', object: network('ingress') });
    await mini.advance(100);
    assert.deepEqual(
      state!.listed!.map(({ name }) => name),
      ['ingress'],
    );
  });

  test('only tasks that run and are to go on running take part', async () => {
    await using mini = await cluster();
    await mini.addService('web', spec('web', ['a'], 1));
    await mini.advance(2000);
    const [task] = mini.running('web');
    const ready = () => networkStateFor(mini.view, task!.NodeID!).networks[0]?.services[0]?.ready;
    assert.deepEqual(ready(), [task!.ID]);
    await mini.change('task', task!.ID, (each) => ({ ...each, DesiredState: 'shutdown' }));
    assert.deepEqual(ready(), []);
  });

  test('where the daemon is away, or the engine, nobody sees what becomes of tasks: others come first', async () => {
    await using mini = await cluster();
    await mini.addService('web', spec('web', ['a'], 3, 8080));
    await mini.advance(2000);
    const tasks = mini.running('web');
    const led = () => {
      const { networks, published } = networkStateFor(mini.view, 'n1');
      const { services } = networks.find(({ id }) => id === 'a')!;
      return [services.find(({ name }) => name === 'web')!.ready.length, published[0]!.targets.length];
    };
    assert.deepEqual(new Set(tasks.map(({ NodeID }) => NodeID)), new Set(NODES));
    const set = (id: string, State: NodeState) =>
      mini.change('node', id, (node) => ({ ...node, Status: { ...node.Status, State } }));
    await set('n1', 'unknown');
    assert.deepEqual(led(), [2, 2]);
    const ready = networkStateFor(mini.view, 'n2').networks.flatMap(({ services }) => services[0]!.ready);
    assert.ok(!ready.includes(tasks.find(({ NodeID }) => NodeID === 'n1')!.ID));
    await set('n2', 'unknown');
    await set('n3', 'unknown');
    assert.deepEqual(led(), [3, 3], 'there are no others');
    await set('n1', 'ready');
    assert.deepEqual(led(), [1, 1]);
  });

  const names = fc.constantFrom('x', 'y');
  const step = fc.oneof(
    fc.record({
      op: fc.constant('service' as const),
      name: names,
      networks: fc.uniqueArray(fc.constantFrom('a', 'b')),
      replicas: fc.nat(4),
      port: fc.boolean(),
    }),
    fc.record({ op: fc.constant('remove' as const), name: names }),
    fc.record({
      op: fc.constant('attachment' as const),
      id: fc.constantFrom('p', 'q', 'r'),
      node: fc.constantFrom(...NODES),
      network: fc.constantFrom('a', 'b'),
      running: fc.boolean(),
    }),
    fc.record({ op: fc.constant('node' as const), id: fc.constantFrom(...NODES), up: fc.boolean() }),
    fc.record({ op: fc.constant('wait' as const), ms: fc.nat(2000) }),
  );

  test('kept up with commits it is what it is when made anew; updates add up to it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.infiniteStream(fc.boolean()),
        async (steps, tell) => {
          await using mini = await cluster();
          const tables = new NetworkTables(mini.view);
          const told = new Map(NODES.map((id) => [id, new ToldNetworks(tables, id)]));
          const states = new Map<string, NetworkState | undefined>();
          for (const [id, each] of told)
            states.set(id, updatedState(undefined, each.full(mini.view.revision)));
          const unwatch = mini.store.watch(mini.view.revision, (commit) => {
            tables.apply(commit);
            for (const id of NODES) {
              assert.deepEqual(tables.stateFor(id), networkStateFor(mini.view, id));
              if (!tell.next().value) continue;
              const update = told.get(id)!.changes(mini.view.revision);
              if (update) states.set(id, updatedState(states.get(id), update));
              const { revision: _, ...is } = sorted(states.get(id)!);
              const { revision: __, ...wanted } = sorted(tables.stateFor(id));
              assert.deepEqual(is, wanted);
            }
          });
          for (const each of steps) {
            if (each.op === 'wait') await mini.advance(each.ms);
            else if (each.op === 'node') await mini.setNode(each.id, each.up ? 'ready' : 'down');
            else if (each.op === 'attachment') {
              const known = mini.view.get('attachment', each.id);
              if (!known)
                await mini.write({ op: 'put', kind: 'attachment', object: attachment(each, mini.now()) });
              else if (known.NodeID !== each.node) await mini.remove('attachment', each.id);
              else {
                const container = { id: each.id.repeat(64), name: each.id, running: each.running };
                await mini.change('attachment', each.id, (object) => ({
                  ...object,
                  internal: { ...object.internal, container },
                }));
              }
            } else if (each.op === 'remove') {
              if (mini.view.get('service', each.name)) await mini.remove('service', each.name);
            } else {
              const port = each.port ? (each.name === 'x' ? 80 : 81) : undefined;
              const next = spec(each.name, each.networks, each.replicas, port);
              if (mini.view.get('service', each.name)) {
                await mini.updateService(each.name, () => next);
                await mini.change('service', each.name, (service) => ({
                  ...service,
                  Endpoint: keptEndpoint(next, service.Endpoint),
                }));
              } else await mini.addService(each.name, next);
            }
            await mini.advance(10);
          }
          unwatch();
          assert.deepEqual(mini.logged, []);
        },
      ),
      { numRuns: 40 },
    );
  });

  function attachment(
    { id, node, network }: { id: string; node: string; network: string },
    at: string,
  ): Attachment {
    return {
      ...{ ID: id, Version: { Index: 0 }, CreatedAt: at, UpdatedAt: at },
      ...{ NetworkID: network, NodeID: node, Addresses: [], internal: { aliases: ['al'] } },
    };
  }

  test('a container that is no task is an endpoint at once, and has names while it runs', async () => {
    await using mini = await cluster();
    const object = attachment({ id: 'p', node: 'n2', network: 'a' }, mini.now());
    await mini.write({ op: 'put', kind: 'attachment', object });
    await mini.advance(100);
    const endpoints = () => networkStateFor(mini.view, 'n2').networks.flatMap((each) => each.endpoints);
    const [endpoint] = endpoints();
    assert.deepEqual([endpoint!.id, endpoint!.nodeId, endpoint!.names], ['p', 'n2', []]);
    assert.deepEqual(
      mini.view.get('attachment', 'p')!.Addresses.map((address) => address.split('/')[0]),
      endpoint!.addresses,
    );
    const run = (running: boolean) =>
      mini.change('attachment', 'p', (known) => ({
        ...known,
        internal: { ...known.internal, container: { id: 'f'.repeat(64), name: 'box', running } },
      }));
    await run(true);
    assert.deepEqual(endpoints()[0]!.names, ['box', 'ffffffffffff', 'al']);
    assert.equal(endpoints()[0]!.id, 'f'.repeat(64));
    await run(false);
    assert.deepEqual(endpoints()[0]!.names, []);
    assert.deepEqual(networkStateFor(mini.view, 'n1').networks, []);
  });

  function sorted(state: NetworkState): NetworkState {
    return { ...state, networks: state.networks.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
  }
});
