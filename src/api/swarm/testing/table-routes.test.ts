/** Every documented route of the swarm once as it succeeds, and every documented field of what they show. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Network, Task } from '../../../model/objects.ts';
import { meta, sampleNode, sampleTask, TestCluster } from './cluster.ts';

const data = Buffer.from('x').toString('base64');
const driver = { Name: 'json-file', Options: { 'max-size': '1m' } };
const service = { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'busybox' } } };
const node = { Name: 'n', Labels: { a: 'b' }, Role: 'worker', Availability: 'drain' };

describe('every route, as it succeeds', () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await new TestCluster().found();
    await cluster.put({ op: 'put', kind: 'node', object: { ...sampleNode('worker1'), ID: 'theworker' } });
  });

  /** In this order. `VERSION` stands for the index of the object that is named in the path. */
  const rows: Array<[request: string, body: unknown, status: number]> = [
    ['GET /swarm', undefined, 200],
    ['GET /swarm/unlockkey', undefined, 200],
    ['POST /swarm/update?version=VERSION', { Name: 'default' }, 200],
    ['POST /swarm/update?version=VERSION&rotateWorkerToken=1&rotateManagerToken=true', {}, 200],
    ['GET /nodes', undefined, 200],
    ['GET /nodes/theworker', undefined, 200],
    ['GET /nodes/worker1', undefined, 200],
    ['POST /nodes/theworker/update?version=VERSION', node, 200],
    ['DELETE /nodes/theworker?force=1', undefined, 200],
    ...['secrets', 'configs'].flatMap(
      (kind): Array<[string, unknown, number]> => [
        [`POST /${kind}/create`, { Name: 'c', Data: data }, 201],
        [`GET /${kind}`, undefined, 200],
        [`GET /${kind}/c`, undefined, 200],
        [`POST /${kind}/c/update?version=VERSION`, { Name: 'c', Labels: { a: 'b' } }, 200],
        [`DELETE /${kind}/c`, undefined, 204],
      ],
    ),
    ['POST /services/create', service, 201],
    ['GET /services', undefined, 200],
    ['GET /services?status=true', undefined, 200],
    ['GET /services/web', undefined, 200],
    ['GET /services/web?insertDefaults=true', undefined, 200],
    ['POST /services/web/update?version=VERSION', { ...service, Labels: { a: 'b' } }, 200],
    ['POST /services/web/update?version=VERSION&registryAuthFrom=previous-spec', service, 200],
    ['POST /services/web/update?version=VERSION&rollback=previous', service, 200],
    ['GET /services/web/logs?stdout=1&stderr=1', undefined, 200],
    ['GET /tasks', undefined, 200],
    ['DELETE /services/web', undefined, 200],
    ['POST /swarm/leave?force=true', undefined, 200],
  ];
  const empty = /^DELETE|^POST .*\/(nodes|secrets|configs|swarm)\b.*(update|leave)/;
  for (const [request, body, status] of rows) {
    test(request, async () => {
      const [method = '', path = ''] = request.split(' ');
      const url = path.includes('VERSION') ? path.replace('VERSION', String(await versionOf(path))) : path;
      const answer = await cluster.ask(method, url, { body });
      assert.equal(answer.status, status, answer.text);
      if (empty.test(request)) assert.equal(answer.text, '');
    });
  }

  async function versionOf(path: string): Promise<number> {
    const { body } = await cluster.ask('GET', path.replace(/\/update.*/, ''));
    return (body as { Version: { Index: number } }).Version.Index;
  }
});

describe('every documented field is shown', () => {
  let cluster: TestCluster;
  let web = '';
  before(async () => {
    cluster = await new TestCluster().found();
    const ports = [{ Name: 'p', Protocol: 'tcp', TargetPort: 80, PublishedPort: 81, PublishMode: 'ingress' }];
    const generic = [
      { NamedResourceSpec: { Kind: 'GPU', Value: 'UUID1' } },
      { DiscreteResourceSpec: { Kind: 'SSD', Value: 3 } },
    ];
    const network: Network = {
      ...meta(),
      Spec: {
        ...{ Name: 'n1', Driver: 'overlay', Labels: { a: 'b' }, Options: { o: '1' } },
        ...{ Attachable: true, IPAM: { Driver: 'default', Config: [{ Subnet: '10.5.0.0/24' }] } },
      },
      internal: { allocated: { vni: 4097, subnets: [{ subnet: '10.5.0.0/24', gateway: '10.5.0.1' }] } },
    };
    await cluster.put({ op: 'put', kind: 'network', object: network });
    const TaskTemplate = { ContainerSpec: { Image: 'a' }, Networks: [{ Target: 'n1' }] };
    const created = await cluster.ask('POST', '/services/create', {
      body: {
        Name: 'web',
        TaskTemplate,
        EndpointSpec: { Mode: 'vip', Ports: [{ ...ports[0], PublishMode: 'host' }] },
      },
    });
    assert.equal(created.status, 201, created.text);
    web = (created.body as { ID: string }).ID;
    const object = cluster.store.view.get('service', web)!;
    await cluster.put({
      op: 'put',
      kind: 'service',
      object: {
        ...object,
        Endpoint: {
          ...object.Endpoint,
          Ports: ports as never,
          VirtualIPs: [{ NetworkID: network.ID, Addr: '10.5.0.2/24' }],
        },
        UpdateStatus: {
          State: 'completed',
          StartedAt: object.CreatedAt,
          CompletedAt: object.CreatedAt,
          Message: 'm',
        },
        JobStatus: { JobIteration: { Index: 1 }, LastExecution: object.CreatedAt },
      },
    });
    const described = sampleNode('full', {
      Spec: { Name: 'named', Labels: { a: 'b' }, Role: 'worker', Availability: 'active' },
      ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: '10.0.0.1:2377' },
      Status: { State: 'ready', Message: 'm', Addr: '10.0.0.2' },
    });
    Object.assign(described.Description!.Resources, { GenericResources: generic });
    Object.assign(described.Description!.Engine, {
      Labels: { x: 'y' },
      Plugins: [{ Type: 'Network', Name: 'overlay' }],
    });
    await cluster.put({ op: 'put', kind: 'node', object: { ...described, ID: 'full' } });
    const task: Task = sampleTask(web, {
      ...{ ID: 'thetask', Labels: { l: 'm' }, Slot: 1, NodeID: 'full', JobIteration: { Index: 1 } },
      AssignedGenericResources: generic as never,
      Status: {
        ...{ Timestamp: object.CreatedAt, State: 'failed', Message: 'm', Err: 'e' },
        ContainerStatus: { ContainerID: 'c', PID: 1, ExitCode: 1 },
        PortStatus: { Ports: ports as never },
      },
      NetworksAttachments: [
        { Network: { ID: network.ID, Spec: { Name: 'n1' } }, Addresses: ['10.5.0.3/24'] },
      ],
    });
    await cluster.put({ op: 'put', kind: 'task', object: task });
    const swarm = {
      ...{ Name: 'default', Labels: { a: 'b' }, Orchestration: { TaskHistoryRetentionLimit: 3 } },
      Raft: {
        ...{ SnapshotInterval: 1, KeepOldSnapshots: 2, LogEntriesForSlowFollowers: 3, ElectionTick: 10 },
        HeartbeatTick: 1,
      },
      ...{ Dispatcher: { HeartbeatPeriod: 5e9 }, CAConfig: { NodeCertExpiry: 7776e12 } },
      ...{ EncryptionConfig: { AutoLockManagers: false }, TaskDefaults: { LogDriver: driver } },
    };
    const held = [...cluster.store.view.all('cluster')][0]!;
    await cluster.put({
      op: 'put',
      kind: 'cluster',
      object: { ...held, Spec: swarm, DefaultAddrPool: ['10.0.0.0/8'] },
    });
    for (const kind of ['secrets', 'configs']) {
      const body = {
        Name: 'c',
        Labels: { a: 'b' },
        Data: data,
        Templating: { Name: 'golang', Options: { o: '1' } },
      };
      await cluster.ask('POST', `/${kind}/create`, { body });
    }
  });

  const port = 'Name Protocol TargetPort PublishedPort PublishMode';
  const common = 'ID Version.Index CreatedAt UpdatedAt';
  const under = (prefix: string, names: string): string =>
    names
      .split(' ')
      .map((name) => `${prefix}.${name}`)
      .join(' ');
  const generic = (prefix: string): string =>
    `${under(`${prefix}.0.NamedResourceSpec`, 'Kind Value')} ${under(`${prefix}.1.DiscreteResourceSpec`, 'Kind Value')}`;
  const tls = under('TLSInfo', 'TrustRoot CertIssuerSubject CertIssuerPublicKey');
  const content = `${common} Spec.Name Spec.Labels.a Spec.Templating.Name Spec.Templating.Options.o`;
  /** The request, and the documented fields of its answer. (What is documented as a task's AssignedGenericResources is sent
   * as GenericResources by Docker, and read so by clients.) */
  const rows: Array<[path: string, fields: string]> = [
    [
      '/swarm',
      `${common} ${tls} RootRotationInProgress DataPathPort DefaultAddrPool.0 SubnetSize JoinTokens.Worker ` +
        'JoinTokens.Manager ' +
        under(
          'Spec',
          'Name Labels.a Orchestration.TaskHistoryRetentionLimit Raft.SnapshotInterval Raft.KeepOldSnapshots ' +
            'Raft.LogEntriesForSlowFollowers Raft.ElectionTick Raft.HeartbeatTick Dispatcher.HeartbeatPeriod ' +
            'CAConfig.NodeCertExpiry EncryptionConfig.AutoLockManagers TaskDefaults.LogDriver.Name ' +
            'TaskDefaults.LogDriver.Options.max-size',
        ),
    ],
    [
      '/nodes/full',
      `${common} ${under('Spec', 'Name Labels.a Role Availability')} ${under('Status', 'State Message Addr')} ` +
        `${under('ManagerStatus', 'Leader Reachability Addr')} ${generic('Description.Resources.GenericResources')} ` +
        under(
          'Description',
          'Hostname Platform.Architecture Platform.OS Resources.NanoCPUs Resources.MemoryBytes Engine.EngineVersion ' +
            `Engine.Labels.x Engine.Plugins.0.Type Engine.Plugins.0.Name ${tls}`,
        ),
    ],
    [
      '/services/web',
      `${common} Spec.Name Endpoint.Spec.Mode ${under('Endpoint.Spec.Ports.0', port)} ` +
        `${under('Endpoint.Ports.0', port)} ${under('Endpoint.VirtualIPs.0', 'NetworkID Addr')} ` +
        `${under('UpdateStatus', 'State StartedAt CompletedAt Message')} ` +
        under('JobStatus', 'JobIteration.Index LastExecution'),
    ],
    ['/services?status=1', under('0.ServiceStatus', 'RunningTasks DesiredTasks CompletedTasks')],
    [
      '/tasks/thetask',
      `${common} Labels.l Spec.ContainerSpec.Image ServiceID Slot NodeID DesiredState JobIteration.Index ` +
        `${generic('GenericResources')} ${under('Status', 'Timestamp State Message Err')} ` +
        `${under('Status.ContainerStatus', 'ContainerID PID ExitCode')} ${under('Status.PortStatus.Ports.0', port)} ` +
        'NetworksAttachments.0.Network.ID NetworksAttachments.0.Network.Spec.Name NetworksAttachments.0.Addresses.0',
    ],
    ['/secrets/c', content],
    ['/configs/c', `${content} Spec.Data`],
  ];
  for (const [path, fields] of rows) {
    test(path, async () => {
      const { status, body, text } = await cluster.ask('GET', path);
      assert.equal(status, 200, text);
      const missing = fields.split(' ').filter((field) => valueAt(body, field) === undefined);
      assert.deepEqual(missing, []);
    });
  }

  test('what is written only is not shown', async () => {
    for (const path of ['/swarm', '/secrets', '/secrets/c']) {
      const { text } = await cluster.ask('GET', path);
      assert.doesNotMatch(text, /"Data"|SigningCAKey|UnlockKey|hidden|secret key|internal/, path);
    }
  });
});

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((at: unknown, name) => (at as Record<string, unknown> | undefined)?.[name], value);
}
