/** What each route of the swarm refuses, as a table. Statuses and texts were compared with Docker Swarm's. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { sampleNode, TestCluster } from './cluster.ts';

const rpc = (code: string, text: string): string => `rpc error: code = ${code} desc = ${text}`;
const invalid = (text: string): string => rpc('InvalidArgument', text);
const service = (name: string, container = {}, template = {}, spec = {}): object => ({
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: 'busybox', ...container }, ...template },
  ...spec,
});
const unmarshal = (what: string): string => `invalid JSON: json: cannot unmarshal ${what}`;
const data = Buffer.from('x').toString('base64');

describe('what is refused', () => {
  const NODE = 'thenode';
  let cluster: TestCluster;
  before(async () => {
    cluster = await new TestCluster().found();
    await cluster.put({ op: 'put', kind: 'node', object: { ...sampleNode('worker1'), ID: NODE } });
  });

  type Row = [request: string, body: unknown, status: number, message: string];
  const lists: Row[] = ['nodes', 'services', 'tasks', 'secrets', 'configs'].flatMap((kind): Row[] => {
    const one = kind.slice(0, -1);
    const rows: Row[] = [
      [`GET /${kind}?filters={"nonsense":{"x":true}}`, undefined, 400, "invalid filter 'nonsense'"],
      [`GET /${kind}?filters=x`, undefined, 400, 'invalid filter'],
      [`GET /${kind}/none`, undefined, 404, `${one} none not found`],
    ];
    if (kind === 'tasks') return rows;
    return [
      ...rows,
      [`DELETE /${kind}/none`, undefined, 404, `${one} none not found`],
      [
        `POST /${kind}/none/update`,
        {},
        400,
        one === 'secret' || one === 'config'
          ? `invalid ${one} version`
          : `invalid ${one} version '': strconv.ParseUint: parsing "": invalid syntax`,
      ],
    ];
  });
  const create = (status: number, message: string, ...args: Parameters<typeof service>): Row => [
    'POST /services/create',
    service(...args),
    status,
    message,
  ];
  const container = (message: string, more: object): Row => create(400, message, 't', more);
  const template = (message: string, more: object): Row => create(400, message, 't', {}, more);
  const spec = (message: string, more: object): Row => create(400, message, 't', {}, {}, more);
  const rows: Row[] = [
    ...lists,
    ['GET /nodes?filters={"role":["x"]}', undefined, 500, "Invalid role filter: 'x'"],
    ['GET /nodes?filters={"membership":["x"]}', undefined, 500, "Invalid membership filter: 'x'"],
    [
      'GET /services?status=x',
      undefined,
      400,
      'invalid value for status: x: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    ['GET /tasks?filters={"desired-state":["x"]}', undefined, 500, "Invalid desired-state filter: 'x'"],
    ['GET /tasks?filters={"node":["none"]}', undefined, 404, 'node none not found'],
    ['GET /tasks?filters={"service":["none"]}', undefined, 404, 'service none not found'],
    ['GET /services/none/logs', undefined, 400, "must specify at least one of 'stdout' or 'stderr'"],
    ['GET /services/none/logs?stdout=1', undefined, 404, 'service none not found'],
    ['GET /tasks/none/logs?stdout=1', undefined, 404, 'task none not found'],
    [
      'POST /swarm/init',
      {},
      503,
      'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.',
    ],
    ['POST /swarm/unlock', { UnlockKey: 'x' }, 409, 'swarm is not locked'],
    [
      `DELETE /nodes/${NODE}`,
      undefined,
      400,
      rpc('FailedPrecondition', `node ${NODE} is not down and can't be removed`),
    ],
    [`POST /nodes/${NODE}/update?version=1`, { Role: 'x', Availability: 'active' }, 400, 'invalid Role: "x"'],
    [
      `POST /nodes/${NODE}/update?version=1`,
      { Role: 'worker', Availability: 'x' },
      400,
      'invalid Availability: "x"',
    ],
    create(400, invalid('name must be valid as a DNS name component'), '-'),
    create(400, invalid('name must be valid as a DNS name component'), 'a b'),
    create(400, invalid('name must be 63 characters or fewer'), 'a'.repeat(64)),
    [
      'POST /services/create',
      { Name: 7 },
      400,
      unmarshal('number into Go struct field ServiceSpec.Name of type string'),
    ],
    ['POST /services/create', [], 400, unmarshal('array into Go value of type swarm.ServiceSpec')],
    spec(
      unmarshal('number -1 into Go struct field ReplicatedService.Mode.Replicated.Replicas of type uint64'),
      { Mode: { Replicated: { Replicas: -1 } } },
    ),
    spec('must specify only one service mode', { Mode: { Replicated: {}, Global: {} } }),
    spec(invalid('Jobs may not have an update config'), { Mode: { GlobalJob: {} }, UpdateConfig: {} }),
    container(invalid('secret not found: s'), {
      Secrets: [{ SecretID: 'x', SecretName: 's', File: { Name: 'x' } }],
    }),
    container(invalid('config not found: c'), {
      Configs: [{ ConfigID: 'x', ConfigName: 'c', File: { Name: 'x' } }],
    }),
    container('invalid MountType: "x"', { Mounts: [{ Type: 'x', Target: '/a' }] }),
    container('invalid MountType: "cluster"', { Mounts: [{ Type: 'cluster', Source: 'v', Target: '/a' }] }),
    container(invalid('ContainerSpec: duplicate mount point: /a'), {
      Mounts: [
        { Type: 'volume', Target: '/a' },
        { Type: 'volume', Target: '/a' },
      ],
    }),
    template(invalid('invalid cpu value 1e-09: Must be at least 0.001'), {
      Resources: { Limits: { NanoCPUs: 1 } },
    }),
    template(invalid('invalid memory value 1: Must be at least 4MiB'), {
      Resources: { Limits: { MemoryBytes: 1 } },
    }),
    template('invalid RestartCondition: "x"', { RestartPolicy: { Condition: 'x' } }),
    spec(invalid('TaskSpec: update-delay cannot be negative'), { UpdateConfig: { Delay: -1 } }),
    spec('unrecognized update failure action x', { UpdateConfig: { FailureAction: 'x' } }),
    spec('unrecognized update order x', { UpdateConfig: { Order: 'x' } }),
    spec(invalid('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1'), {
      UpdateConfig: { MaxFailureRatio: 2 },
    }),
    spec(invalid('EndpointSpec: duplicate published ports provided'), {
      EndpointSpec: {
        Ports: [
          { TargetPort: 80, PublishedPort: 1 },
          { TargetPort: 81, PublishedPort: 1 },
        ],
      },
    }),
    [
      'POST /secrets/create',
      { Name: 'a' },
      400,
      invalid('secret data must be larger than 0 and less than 512000 bytes'),
    ],
    [
      'POST /configs/create',
      { Name: '-', Data: data },
      400,
      invalid(
        'invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]',
      ),
    ],
  ];
  for (const [request, body, status, message] of rows)
    test(`${request} ${JSON.stringify(body) ?? ''}`.slice(0, 150), async () => {
      const [method = '', url = ''] = request.split(/ (.*)/s);
      const answer = await cluster.ask(method, url, { body });
      assert.deepEqual([answer.status, answer.body], [status, { message }]);
    });

  test('nothing of the swarm is answered by who is no manager', async () => {
    const other = await new TestCluster().found();
    for (const [reach, message] of [
      ['worker', /Worker nodes can't be used to view or modify cluster state/],
      ['inactive', /^This node is not a swarm manager. Use "docker swarm init" or/],
      ['locked', /^Swarm is encrypted and needs to be unlocked/],
    ] as const) {
      other.reach = reach;
      const body = service('a');
      for (const [request, sent] of [
        ...[
          '/swarm',
          '/swarm/unlockkey',
          '/nodes',
          '/nodes/x',
          '/services',
          '/services/x',
          '/tasks',
          '/tasks/x',
        ].map((path) => [`GET ${path}`, undefined] as const),
        ...[
          '/secrets',
          '/secrets/x',
          '/configs',
          '/configs/x',
          '/tasks/x/logs?stdout=1',
          '/services/x/logs?stdout=1',
        ].map((path) => [`GET ${path}`, undefined] as const),
        ...['/nodes/x', '/services/x', '/secrets/x', '/configs/x'].map(
          (path) => [`DELETE ${path}`, undefined] as const,
        ),
        ['POST /services/create', body],
        ['POST /services/x/update?version=1', body],
        ['POST /secrets/create', { Name: 'a', Data: data }],
        ['POST /secrets/x/update?version=1', { Name: 'a' }],
        ['POST /configs/create', { Name: 'a', Data: data }],
        ['POST /configs/x/update?version=1', { Name: 'a' }],
        ['POST /nodes/x/update?version=1', { Role: 'worker', Availability: 'active' }],
        ['POST /swarm/update?version=1', {}],
      ] as const) {
        const [method = '', url = ''] = request.split(' ');
        const answer = await other.ask(method, url, { body: sent });
        assert.equal(answer.status, 503, `${reach}: ${request}`);
        assert.match((answer.body as { message: string }).message, message);
      }
    }
  });
});
