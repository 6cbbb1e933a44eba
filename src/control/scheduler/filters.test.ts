import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeNode } from '../../../test/support/mini-cluster.ts';
import type { Node, NodeDescription, Task } from '../../model/objects.ts';
import type { EndpointSpec, TaskSpec } from '../../model/spec.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleNetwork, sampleService, sampleTask } from '../../store/samples.ts';
import { filtersFor, Tally } from './filters.ts';
import { NodeLoad } from './node-load.ts';

const store = openMemoryStore();
await store.commit({ changes: [{ op: 'put', kind: 'network', object: sampleNetwork('net1', 'front') }] });

function task(spec: TaskSpec, endpoint?: EndpointSpec): Task {
  const made = sampleTask('t', sampleService('s'), { Spec: spec });
  return endpoint ? { ...made, internal: { ...made.internal, endpoint } } : made;
}

function node(description: Partial<NodeDescription> = {}, more: Partial<Node> = {}): Node {
  const base = makeNode('n', '');
  return { ...base, Description: { ...base.Description!, ...description }, ...more };
}

function plugins(...Plugins: Array<[string, string]>): Partial<NodeDescription> {
  return {
    Engine: { EngineVersion: '', Labels: {}, Plugins: Plugins.map(([Type, Name]) => ({ Type, Name })) },
  };
}

/** A load of what one task on the node takes. */
function loaded(other: Task): NodeLoad {
  const load = new NodeLoad();
  load.add({ ...other, NodeID: 'n', Status: { ...other.Status, State: 'running' } });
  return load;
}

const reserve = (cpus: number, gigabytes: number): TaskSpec => ({
  Resources: { Reservations: { NanoCPUs: cpus * 1e9, MemoryBytes: gigabytes * 1e9 } },
});
const gpus = (Value: number): TaskSpec => ({
  Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value } }] } },
});
const hostPort = (PublishedPort: number, Protocol = 'tcp'): EndpointSpec => ({
  Ports: [{ PublishMode: 'host', TargetPort: 80, PublishedPort, Protocol }],
});
const withGpus = (names: string[]): Partial<NodeDescription> => ({
  Resources: {
    NanoCPUs: 1e9,
    MemoryBytes: 1e9,
    GenericResources: names.map((Value) => ({ NamedResourceSpec: { Kind: 'gpu', Value } })),
  },
});
const driver = (Name: string): TaskSpec => ({
  ContainerSpec: { Mounts: [{ Type: 'volume', Source: 'v', VolumeOptions: { DriverConfig: { Name } } }] },
});
const platform = (Architecture: string, OS: string): TaskSpec => ({
  Placement: { Platforms: [{ Architecture, OS }] },
});
const many = (MaxReplicas: number): TaskSpec => ({ Placement: { MaxReplicas } });

const UNAVAILABLE = '1 node not available for new tasks';
const RESOURCES = 'insufficient resources on 1 node';
const PLUGIN = 'missing plugin on 1 node';
const CONSTRAINTS = 'scheduling constraints not satisfied on 1 node';
const PLATFORM = 'unsupported platform on 1 node';
const PORT = 'host-mode port already in use on 1 node';
const MAX = 'max replicas per node limit exceed';

const cases: Array<[what: string, task: Task, node: Node, expected: string, load?: NodeLoad]> = [
  ['a plain task', task({}), node(), ''],
  ['a node that is down', task({}), node({}, { Status: { State: 'down', Addr: '' } }), UNAVAILABLE],
  [
    'a node whose daemon is away',
    task({}),
    node({}, { Status: { State: 'unknown', Addr: '' } }),
    UNAVAILABLE,
  ],
  ['a paused node', task({}), node({}, { Spec: { Availability: 'pause' } }), UNAVAILABLE],
  ['all of the cpus', task(reserve(8, 0)), node(), ''],
  ['more cpus than there are', task(reserve(8.1, 0)), node(), RESOURCES],
  ['more memory than is left', task(reserve(0, 20)), node(), RESOURCES, loaded(task(reserve(0, 13)))],
  ['memory that is left', task(reserve(0, 19)), node(), '', loaded(task(reserve(0, 13)))],
  ['a resource that nobody has', task(gpus(1)), node(), RESOURCES],
  ['two of two names', task(gpus(2)), node(withGpus(['a', 'b'])), ''],
  ['three of two names', task(gpus(3)), node(withGpus(['a', 'b'])), RESOURCES],
  [
    'two of two names when one is taken',
    task(gpus(2)),
    node(withGpus(['a', 'b'])),
    RESOURCES,
    loaded({ ...task({}), AssignedGenericResources: [{ NamedResourceSpec: { Kind: 'gpu', Value: 'b' } }] }),
  ],
  ['a volume driver that is there', task(driver('nfs')), node(plugins(['Volume', 'nfs'])), ''],
  ['a volume driver by its tag', task(driver('nfs')), node(plugins(['Volume', 'nfs:latest'])), ''],
  ['a volume driver that is not there', task(driver('nfs')), node(plugins(['Network', 'nfs'])), PLUGIN],
  ['a log driver on an engine that lists none', task({ LogDriver: { Name: 'gelf' } }), node(), ''],
  ['no logs', task({ LogDriver: { Name: 'none' } }), node(plugins(['Log', 'syslog'])), ''],
  [
    'a log driver that is not there',
    task({ LogDriver: { Name: 'gelf' } }),
    node(plugins(['Log', 'syslog'])),
    PLUGIN,
  ],
  [
    'a network by its name',
    task({ Networks: [{ Target: 'front' }] }),
    node(plugins(['Network', 'overlay'])),
    '',
  ],
  ['a network without its driver', task({ Networks: [{ Target: 'net1' }] }), node(), PLUGIN],
  ['a constraint', task({ Placement: { Constraints: ['node.role==manager'] } }), node(), CONSTRAINTS],
  ['the same platform by another name', task(platform('amd64', 'linux')), node(), ''],
  ['any architecture', task(platform('', 'linux')), node(), ''],
  ['another architecture', task(platform('arm64', 'linux')), node(), PLATFORM],
  ['another system', task(platform('amd64', 'windows')), node(), PLATFORM],
  ['a port in use', task({}, hostPort(80)), node(), PORT, loaded(task({}, hostPort(80)))],
  ['a port of another protocol', task({}, hostPort(80, 'udp')), node(), '', loaded(task({}, hostPort(80)))],
  ['one replica of one', task(many(1)), node(), ''],
  ['a second replica of one', task(many(1)), node(), MAX, loaded(task({}))],
];
for (const [what, wanted, on, expected, load = new NodeLoad()] of cases) {
  test(`${what}: ${expected || 'fits'}`, () => {
    const tally = new Tally(filtersFor(store.view, wanted));
    assert.equal(tally.check(on, load), expected === '');
    assert.equal(tally.explain(), expected);
  });
}

test('the reasons of most nodes come first, each node counts once', () => {
  const tally = new Tally(
    filtersFor(store.view, task({ ...reserve(9, 0), Placement: { Constraints: ['node.id==n2'] } })),
  );
  const big = { Resources: { NanoCPUs: 16e9, MemoryBytes: 1e9 } };
  tally.check(node(big, { ID: 'n1' }), new NodeLoad());
  tally.check(node({}, { ID: 'n2' }), new NodeLoad());
  tally.check(node({}, { ID: 'n3' }), new NodeLoad());
  assert.equal(
    tally.explain(),
    'insufficient resources on 2 nodes; scheduling constraints not satisfied on 1 node',
  );
});
