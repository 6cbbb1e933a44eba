/** Services that users of a simulated world think of. The names of images say how the simulated engine runs them. */
import type { SecretReference, ServiceSpec, TaskSpec, UpdateConfig } from '../../src/model/spec.ts';
import type { Random } from './random.ts';

const SECOND = 1e9;

const JOB_UPDATES = ['force', 'environment', 'placement', 'resources'];
/** None that would give it room. */
const EXCESSIVE_UPDATES = ['image', 'force', 'environment', 'placement', 'config'];
const UPDATES = [...JOB_UPDATES, 'image', 'config', 'all'];

export function randomService(name: string, random: Random): ServiceSpec {
  if (random.chance(0.15)) return job(name, random);
  if (random.chance(0.04)) return excessiveService(name, random);
  return {
    Name: name,
    Labels: {},
    TaskTemplate: taskTemplate(random),
    Mode: random.chance(0.2) ? { Global: {} } : { Replicated: { Replicas: random.int(1, 6) } },
    ...(random.chance(0.7) && { UpdateConfig: updateConfig(random) }),
    ...(random.chance(0.3) && { RollbackConfig: updateConfig(random) }),
    EndpointSpec: { Mode: 'vip' },
  };
}

/** Changes the specification, and returns in which respect. */
export function changeAtRandom(spec: ServiceSpec, random: Random): string {
  const template = spec.TaskTemplate!;
  const isJob = Boolean(spec.Mode?.ReplicatedJob || spec.Mode?.GlobalJob);
  const isExcessive = (spec.Mode?.Replicated?.Replicas ?? 0) >= 500;
  const kind = random.pick(isExcessive ? EXCESSIVE_UPDATES : isJob ? JOB_UPDATES : UPDATES);
  if (kind === 'image') {
    const [behaviour, version] = template.ContainerSpec!.Image!.split(':');
    const next =
      behaviour === 'brief'
        ? behaviour
        : random.pick(['steady', 'steady', 'crashing', 'missing', 'unhealthy']);
    template.ContainerSpec!.Image = `${next}:${Number(version) + 1}`;
  } else if (kind === 'force') template.ForceUpdate = (template.ForceUpdate ?? 0) + 1;
  else if (kind === 'environment') template.ContainerSpec!.Env = [`A=${random.int(1, 3)}`];
  else if (kind === 'placement')
    template.Placement = random.chance(0.5) ? {} : { Constraints: [randomConstraint(random)] };
  else if (kind === 'resources')
    template.Resources = { Reservations: { NanoCPUs: random.pick([0, 0.25, 0.5]) * 1e9 } };
  else if (kind === 'config') spec.UpdateConfig = updateConfig(random);
  else {
    const { RestartPolicy, ContainerSpec } = template;
    spec.TaskTemplate = taskTemplate(random);
    if (ContainerSpec!.Image!.startsWith('brief')) spec.TaskTemplate.RestartPolicy = RestartPolicy;
  }
  return kind;
}

/** More than any of the simulated clusters has room for. */
export function excessiveService(name: string, random: Random): ServiceSpec {
  const Resources = { Reservations: { NanoCPUs: SECOND } };
  return {
    Name: name,
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: 'steady:1' }, Resources, ForceUpdate: 0 },
    Mode: { Replicated: { Replicas: random.int(500, 2000) } },
  };
}

/** What it runs comes to an end. */
function job(name: string, random: Random): ServiceSpec {
  const template = taskTemplate(random);
  return {
    Name: name,
    Labels: {},
    TaskTemplate: {
      ...template,
      ContainerSpec: { ...template.ContainerSpec, Image: 'brief:1' },
      RestartPolicy: { Condition: random.pick(['on-failure', 'on-failure', 'none']), Delay: SECOND },
    },
    Mode: random.chance(0.3)
      ? { GlobalJob: {} }
      : { ReplicatedJob: { MaxConcurrent: random.int(1, 3), TotalCompletions: random.int(1, 6) } },
  };
}

function taskTemplate(random: Random): TaskSpec {
  const behaviour = random.weighted([
    [6, 'steady'],
    [2, 'crashing'],
    [1, 'unhealthy'],
    [1, 'missing'],
    [1, 'brief'],
  ] as const);
  // What ends by itself would be started for ever.
  const condition = behaviour === 'brief' ? random.pick(['none', 'on-failure']) : randomCondition(random);
  const attempts = random.chance(0.2) ? random.int(1, 3) : 0;
  return {
    ContainerSpec: {
      Image: `${behaviour}:1`,
      ...(behaviour === 'unhealthy' || random.chance(0.2)
        ? { Healthcheck: { Test: ['CMD', 'true'], Interval: SECOND } }
        : {}),
      ...(random.chance(0.2) && { Secrets: [randomSecret(random)] }),
    },
    RestartPolicy: {
      Condition: condition,
      Delay: random.pick([0, 0.1, 1, 5]) * SECOND,
      MaxAttempts: attempts,
      ...(attempts > 0 && random.chance(0.5) && { Window: 60 * SECOND }),
    },
    ...(random.chance(0.4) && {
      Resources: { Reservations: { NanoCPUs: random.pick([0.25, 0.5, 1]) * 1e9, MemoryBytes: 64 << 20 } },
    }),
    Placement: {
      ...(random.chance(0.25) && { Constraints: [randomConstraint(random)] }),
      ...(random.chance(0.1) && { MaxReplicas: random.int(1, 3) }),
      ...(random.chance(0.2) && { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] }),
    },
    ForceUpdate: 0,
  };
}

function randomSecret(random: Random): SecretReference {
  const name = random.pick(['secret1', 'secret2']);
  return { SecretID: name, SecretName: name, File: { Name: name, UID: '0', GID: '0', Mode: 0o444 } };
}

function randomCondition(random: Random): string {
  return random.weighted([
    [8, 'any'],
    [1, 'on-failure'],
    [1, 'none'],
  ]);
}

function randomConstraint(random: Random): string {
  return random.pick([
    'node.labels.zone==a',
    'node.labels.zone!=a',
    'node.labels.zone==b',
    'node.role==worker',
    'node.hostname!=host2',
  ]);
}

function updateConfig(random: Random): UpdateConfig {
  return {
    Parallelism: random.int(0, 3),
    Delay: random.pick([0, 0, 1, 4]) * SECOND,
    FailureAction: random.pick(['pause', 'continue', 'rollback']),
    Monitor: random.pick([0, 1, 5]) * SECOND,
    MaxFailureRatio: random.pick([0, 0, 0.3]),
    Order: random.chance(0.25) ? 'start-first' : 'stop-first',
  };
}
