/** A cluster with a little of everything, on which pages are looked at: what runs, what waits, what has failed. */
import { SimulatedEngine } from '../../src/classic/testing/simulated-engine.ts';
import type { Change } from '../../src/store/contract.ts';
import {
  sampleAuditEntry,
  sampleConfig,
  sampleNetwork,
  sampleNode,
  sampleSecret,
  sampleService,
  sampleStackRevision,
  sampleTask,
} from '../../src/store/samples.ts';

const NAMESPACE = 'com.docker.stack.namespace';
const now = new Date(Date.now() - 90_000).toISOString();
const times = { CreatedAt: now, UpdatedAt: now };
const status = (State: string, Err?: string) =>
  ({ Timestamp: now, State, Message: State, ...(Err && { Err }), PortStatus: {} }) as never;

/** The objects of that cluster, to be committed as they are. */
export function sampleCluster(): Change[] {
  const nodes = ['node2', 'node3'].map((name) => ({ ...sampleNode(name), ...times }));
  nodes[1]!.Status = { State: 'down', Message: 'heartbeat failure', Addr: '10.0.0.3' };
  const vote = service('vote', 'voting_vote', 'vote:1', 2, [
    { PublishedPort: 5000, TargetPort: 80, Protocol: 'tcp', PublishMode: 'ingress' },
  ]);
  const db = service('db', 'voting_db', 'postgres:16', 1);
  const worker = service('worker', 'voting_worker', 'worker:2', 3);
  worker.UpdateStatus = {
    State: 'paused',
    Message: 'update paused due to failure or early termination of task w1',
    StartedAt: now,
  };
  db.Spec.TaskTemplate!.Placement = { Constraints: ['node.labels.disk==ssd'] };
  const attached = { Network: { ID: 'net' }, Addresses: ['10.0.9.3/24'] } as never;
  const objects = [
    { ...task('v1', vote, 1, 'node2', 'running'), NetworksAttachments: [attached] },
    task('v2', vote, 2, 'node2', 'running'),
    {
      ...task('d1', db, 1, undefined, 'pending'),
      Status: status('pending', 'no suitable node (scheduling constraints not satisfied on 3 nodes)'),
      Spec: db.Spec.TaskTemplate!,
    },
    task('w1', worker, 1, 'node2', 'failed', 'task: non-zero exit (137)', 'shutdown'),
    task('w2', worker, 1, 'node2', 'running'),
    task('w3', worker, 2, 'node2', 'running'),
  ];
  return [
    ...nodes.map((object) => ({ op: 'put', kind: 'node', object }) as const),
    ...[vote, db, worker].map((object) => ({ op: 'put', kind: 'service', object }) as const),
    ...objects.map((object) => ({ op: 'put', kind: 'task', object }) as Change),
    { op: 'put', kind: 'network', object: { ...sampleNetwork('net', 'voting_default'), ...times } },
    { op: 'put', kind: 'secret', object: { ...sampleSecret('key', 'aHVzaA=='), ...times } },
    {
      op: 'put',
      kind: 'credential',
      object: {
        ...{ ...sampleConfig('registry registry.example.com', ''), ...times, Spec: undefined },
        auth: Buffer.from(JSON.stringify({ username: 'ci', password: 'hush' })).toString('base64url'),
        internal: {},
      } as never,
    },
    { op: 'put', kind: 'config', object: { ...sampleConfig('page', 'aGVsbG8='), ...times } },
    {
      op: 'put',
      kind: 'stackRevision',
      object: {
        ...sampleStackRevision('r1', 'services:\n  vote:\n    image: vote:1\n'),
        ...times,
        stack: 'voting',
      },
    },
    {
      op: 'put',
      kind: 'auditEntry',
      object: { ...sampleAuditEntry('a1', 'ann'), ...times, about: 'voting_vote' },
    },
  ];
}

function service(id: string, name: string, Image: string, Replicas: number, Ports: object[] = []) {
  const base = sampleService(id, name);
  const Labels = { [NAMESPACE]: 'voting' };
  return {
    ...base,
    ...times,
    Spec: {
      ...base.Spec,
      Labels,
      Mode: { Replicated: { Replicas } },
      TaskTemplate: { ContainerSpec: { Image, Env: ['PASSWORD=hush'] } } as NonNullable<
        typeof base.Spec.TaskTemplate
      >,
    },
    Endpoint: { Spec: {}, Ports },
  } as typeof base;
}

function task(
  id: string,
  of: ReturnType<typeof sampleService>,
  Slot: number,
  NodeID: string | undefined,
  state: string,
  Err?: string,
  desired = 'running',
) {
  const made = sampleTask(id, of, {
    Slot,
    ...(NodeID && { NodeID }),
    Status: status(state, Err),
    DesiredState: desired as never,
  });
  return { ...made, ...times };
}

/** What is on the node that answers. */
export async function sampleEngine(): Promise<SimulatedEngine> {
  const engine = new SimulatedEngine('node2');
  engine.images.push('postgres:16');
  engine.volumes.push('voting_data');
  const body = { Image: 'busybox', Labels: {}, Env: ['PASSWORD=hush'] };
  const query = { name: 'cache' };
  const { Id } = await engine.client.json<{ Id: string }>('POST', '/containers/create', { query, body });
  await engine.client.json('POST', `/containers/${Id}/start`);
  const file = { type: 'file', size: 4_535, changed: now, mode: 'rw-------' };
  engine.answers['/essaim/host/volumes/voting_data/files'] = [
    { ...file, name: 'base', type: 'folder' },
    { ...file, name: 'pg_hba.conf' },
  ];
  const step = 10_000;
  const last = Math.floor(Date.now() / step) * step;
  engine.answers['/essaim/host/stats'] = Array.from({ length: 60 }, (_, index) => [
    ...[last - (59 - index) * step, 0.5, 1e8, 2_000, 1_000, 0, 4_096],
  ]);
  engine.answers['/system/df'] = {
    LayersSize: 4e6,
    Volumes: [{ Name: 'voting_data', UsageData: { Size: 2e7 } }],
  };
  return engine;
}
