/** One service of a compose file as the spec of a swarm's service, as `docker stack deploy` makes it. */
import type {
  ContainerSpec,
  HealthConfig,
  Resources,
  RestartPolicy,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from '../model/spec.ts';
import { mountOf, portsOf } from './mounts.ts';
import { ComposeError, type Path } from './problem.ts';
import {
  boolean,
  command,
  type Dict,
  dict,
  duration,
  integer,
  isDict,
  labels,
  list,
  number,
  pairs,
  size,
  text,
  textOrTexts,
  texts,
} from './read.ts';
import { type FileReference, fileReferences, type Stack } from './stack.ts';
import { EnvFileError, parseEnv } from './variables.ts';

export const NAMESPACE = 'com.docker.stack.namespace';
export const IMAGE = 'com.docker.stack.image';

/** A spec whose secrets and configs are still named by the names of the swarm's objects. */
export interface StackService {
  spec: ServiceSpec;
  secrets: FileReference[];
  configs: FileReference[];
}

/** @throws ComposeError at what cannot be */
export function serviceOf(name: string, raw: unknown, stack: Stack): StackService {
  const path: Path = ['services', name];
  const service = dict(raw, path);
  const at = (...more: Array<string | number>): Path => [...path, ...more];
  const image = text(service.image, at('image'));
  if (!image)
    throw new ComposeError(
      path,
      `${name} has no image${service.build === undefined ? '' : ': a swarm does not build it'}`,
    );
  const deploy = dict(service.deploy, at('deploy'));
  const serviceLabels = labels(deploy.labels, at('deploy', 'labels'));
  const taskTemplate: TaskSpec = {
    ContainerSpec: containerOf(service, image, path, stack),
    ...present(
      'Resources',
      resourcesOf(dict(deploy.resources, at('deploy', 'resources')), at('deploy', 'resources')),
    ),
    ...present('RestartPolicy', restartOf(deploy.restart_policy, at('deploy', 'restart_policy'))),
    Placement: placementOf(dict(deploy.placement, at('deploy', 'placement')), at('deploy', 'placement')),
    Networks: networksOf(name, service.networks, at('networks'), stack),
    ...present('LogDriver', loggingOf(service.logging, at('logging'))),
    ForceUpdate: 0,
  };
  const ports = list(service.ports, at('ports')).flatMap((each, index) => portsOf(each, at('ports', index)));
  const endpointMode = text(deploy.endpoint_mode, at('deploy', 'endpoint_mode'));
  const spec: ServiceSpec = {
    Name: `${stack.name}_${name}`,
    Labels: { ...serviceLabels, [NAMESPACE]: stack.name, [IMAGE]: image },
    TaskTemplate: taskTemplate,
    Mode: modeOf(deploy, at('deploy')),
    ...present('UpdateConfig', updateOf(deploy.update_config, at('deploy', 'update_config'))),
    ...present('RollbackConfig', updateOf(deploy.rollback_config, at('deploy', 'rollback_config'))),
    EndpointSpec: {
      ...(endpointMode && { Mode: endpointMode }),
      ...(ports.length > 0 && { Ports: ports.toSorted((a, b) => a.PublishedPort! - b.PublishedPort!) }),
    },
  };
  return {
    spec,
    secrets: fileReferences('secrets', service.secrets, at('secrets'), stack),
    configs: fileReferences('configs', service.configs, at('configs'), stack),
  };
}

function containerOf(service: Dict, image: string, path: Path, stack: Stack): ContainerSpec {
  const at = (...more: Array<string | number>): Path => [...path, ...more];
  const said = (key: string): boolean => service[key] !== undefined && service[key] !== null;
  const env = environmentOf(service, path, stack);
  const hosts = hostsOf(service.extra_hosts, at('extra_hosts'));
  const mounts = [
    ...list(service.volumes, at('volumes')).map((each, index) =>
      mountOf(each, at('volumes', index), { stack: stack.name, volumes: stack.volumes }),
    ),
    ...textOrTexts(service.tmpfs, at('tmpfs')).map((each) => ({
      Type: 'tmpfs',
      Target: each.split(':')[0]!,
    })),
  ];
  const grace = duration(service.stop_grace_period, at('stop_grace_period'));
  const dns = {
    Nameservers: textOrTexts(service.dns, at('dns')),
    Search: textOrTexts(service.dns_search, at('dns_search')),
    Options: textOrTexts(service.dns_opt, at('dns_opt')),
  };
  const credential = dict(service.credential_spec, at('credential_spec'));
  const container: ContainerSpec = {
    Image: image,
    Labels: { ...labels(service.labels, at('labels')), [NAMESPACE]: stack.name },
    ...present('Command', command(service.entrypoint, at('entrypoint'))),
    ...present('Args', command(service.command, at('command'))),
    ...present('Hostname', text(service.hostname, at('hostname'))),
    ...(env.length > 0 && { Env: env }),
    ...present('Dir', text(service.working_dir, at('working_dir'))),
    ...present('User', text(service.user, at('user'))),
    ...(said('group_add') && { Groups: texts(service.group_add, at('group_add')) }),
    ...(mounts.length > 0 && { Mounts: mounts }),
    ...present('StopGracePeriod', grace),
    ...present('StopSignal', text(service.stop_signal, at('stop_signal'))),
    ...(boolean(service.tty, at('tty')) && { TTY: true }),
    ...(boolean(service.stdin_open, at('stdin_open')) && { OpenStdin: true }),
    ...(boolean(service.read_only, at('read_only')) && { ReadOnly: true }),
    ...present('Init', boolean(service.init, at('init'))),
    ...present('Healthcheck', healthOf(service.healthcheck, at('healthcheck'))),
    ...(hosts.length > 0 && { Hosts: hosts }),
    ...(Object.values(dns).some((each) => each.length > 0) && { DNSConfig: dns }),
    ...(said('sysctls') && { Sysctls: labels(service.sysctls, at('sysctls')) }),
    ...(said('cap_add') && { CapabilityAdd: texts(service.cap_add, at('cap_add')) }),
    ...(said('cap_drop') && { CapabilityDrop: texts(service.cap_drop, at('cap_drop')) }),
    ...(said('ulimits') && { Ulimits: ulimitsOf(dict(service.ulimits, at('ulimits')), at('ulimits')) }),
    ...present('Isolation', text(service.isolation, at('isolation'))),
    ...(Object.keys(credential).length > 0 && {
      Privileges: {
        CredentialSpec: {
          ...present('File', text(credential.file, at('credential_spec', 'file'))),
          ...present('Registry', text(credential.registry, at('credential_spec', 'registry'))),
          ...present('Config', text(credential.config, at('credential_spec', 'config'))),
        },
      },
    }),
  };
  return container;
}

/** As in a file of hosts: the address first. A host may have several. */
function hostsOf(value: unknown, path: Path): string[] {
  if (!Array.isArray(value))
    return Object.entries(pairs(value, path)).map(([host, address]) => `${address ?? ''} ${host}`);
  return texts(value, path).map((each) => {
    const [, host, address = ''] = /^([^=:]*)[=:]?([\s\S]*)$/.exec(each)!;
    return `${address} ${host}`;
  });
}

/** `NAME=value`, by name. Files first, what the service says itself over them. */
function environmentOf(service: Dict, path: Path, { files, variables }: Stack): string[] {
  const env: Record<string, string | null> = {};
  const at: Path = [...path, 'env_file'];
  const entries = Array.isArray(service.env_file)
    ? service.env_file
    : service.env_file == null
      ? []
      : [service.env_file];
  entries.forEach((entry, index) => {
    const where = Array.isArray(service.env_file) ? [...at, index] : at;
    const name = text(isDict(entry) ? entry.path : entry, where)!.replace(/^\.\//, '');
    const content = files[name];
    if (content === undefined) {
      if (isDict(entry) && boolean(entry.required, where) === false) return;
      throw new ComposeError(where, `there is no file ${name}: add it beside this one`);
    }
    try {
      Object.assign(env, parseEnv(content, variables));
    } catch (error) {
      if (error instanceof EnvFileError)
        throw new ComposeError(where, `${name}, line ${error.line}: ${error.message}`);
      throw error;
    }
  });
  Object.assign(env, pairs(service.environment, [...path, 'environment']));
  return Object.entries(env)
    .flatMap(([name, value]) => {
      // A name alone has the value that it has outside; without one it is not set.
      const known = value ?? variables[name];
      return known === undefined ? [] : [`${name}=${known}`];
    })
    .sort();
}

function modeOf(deploy: Dict, path: Path): ServiceSpec['Mode'] {
  const mode = text(deploy.mode, [...path, 'mode']) ?? 'replicated';
  const replicas = integer(deploy.replicas, [...path, 'replicas']);
  const count = replicas ?? 1;
  if (count < 0) throw new ComposeError([...path, 'replicas'], 'replicas must not be less than 0');
  switch (mode) {
    case 'replicated':
      return { Replicated: { Replicas: count } };
    case 'replicated-job':
      return { ReplicatedJob: { MaxConcurrent: count, TotalCompletions: count } };
    case 'global':
    case 'global-job':
      if (replicas !== undefined)
        throw new ComposeError(
          [...path, 'replicas'],
          `replicas are for mode replicated: a ${mode} service has one on each node`,
        );
      return mode === 'global' ? { Global: {} } : { GlobalJob: {} };
    default:
      throw new ComposeError(
        [...path, 'mode'],
        `mode is replicated, global, replicated-job or global-job, not ${mode}`,
      );
  }
}

function resourcesOf(raw: Dict, path: Path): Resources | undefined {
  const of = (key: 'limits' | 'reservations') => {
    const value = dict(raw[key], [...path, key]);
    const cpus = number(value.cpus, [...path, key, 'cpus']);
    const pids = integer(value.pids, [...path, key, 'pids']);
    const generic = list(value.generic_resources, [...path, key, 'generic_resources']).map((each, index) => {
      const at = [...path, key, 'generic_resources', index];
      const { kind, value } = dict(dict(each, at).discrete_resource_spec, at);
      return { DiscreteResourceSpec: { Kind: text(kind, at), Value: integer(value, at) } };
    });
    return {
      ...(cpus !== undefined && { NanoCPUs: Math.round(cpus * 1e9) }),
      ...present('MemoryBytes', size(value.memory, [...path, key, 'memory'])),
      ...(key === 'limits' && pids !== undefined && { Pids: pids }),
      ...(generic.length > 0 && { GenericResources: generic }),
    };
  };
  const [Limits, Reservations] = [of('limits'), of('reservations')];
  const resources = {
    ...(Object.keys(Limits).length > 0 && { Limits }),
    ...(Object.keys(Reservations).length > 0 && { Reservations }),
  };
  return Object.keys(resources).length > 0 ? resources : undefined;
}

function restartOf(raw: unknown, path: Path): RestartPolicy | undefined {
  if (raw === undefined || raw === null) return undefined;
  const { condition, delay, max_attempts, window } = dict(raw, path);
  const Condition = text(condition, [...path, 'condition']);
  if (Condition !== undefined && !['none', 'on-failure', 'any'].includes(Condition))
    throw new ComposeError([...path, 'condition'], `condition is none, on-failure or any, not ${Condition}`);
  return {
    ...present('Condition', Condition),
    ...present('Delay', duration(delay, [...path, 'delay'])),
    ...present('MaxAttempts', integer(max_attempts, [...path, 'max_attempts'])),
    ...present('Window', duration(window, [...path, 'window'])),
  };
}

function placementOf(raw: Dict, path: Path): NonNullable<TaskSpec['Placement']> {
  const preferences = list(raw.preferences, [...path, 'preferences']).map((each, index) => {
    const at = [...path, 'preferences', index];
    return { Spread: { SpreadDescriptor: text(dict(each, at).spread, at) } };
  });
  const constraints = texts(raw.constraints, [...path, 'constraints']);
  return {
    ...(constraints.length > 0 && { Constraints: constraints }),
    ...(preferences.length > 0 && { Preferences: preferences }),
    ...present('MaxReplicas', integer(raw.max_replicas_per_node, [...path, 'max_replicas_per_node'])),
  };
}

function updateOf(raw: unknown, path: Path): UpdateConfig | undefined {
  if (raw === undefined || raw === null) return undefined;
  const { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = dict(raw, path);
  return {
    Parallelism: integer(parallelism, [...path, 'parallelism']) ?? 1,
    ...present('Delay', duration(delay, [...path, 'delay'])),
    ...present('FailureAction', text(failure_action, [...path, 'failure_action'])),
    ...present('Monitor', duration(monitor, [...path, 'monitor'])),
    ...present('MaxFailureRatio', number(max_failure_ratio, [...path, 'max_failure_ratio'])),
    ...present('Order', text(order, [...path, 'order'])),
  };
}

function loggingOf(raw: unknown, path: Path): TaskSpec['LogDriver'] | undefined {
  if (raw === undefined || raw === null) return undefined;
  const { driver, options } = dict(raw, path);
  return {
    ...present('Name', text(driver, [...path, 'driver'])),
    ...(options !== undefined && { Options: labels(options, [...path, 'options']) }),
  };
}

function healthOf(raw: unknown, path: Path): HealthConfig | undefined {
  if (raw === undefined || raw === null) return undefined;
  const { test, interval, timeout, retries, start_period, start_interval, disable } = dict(raw, path);
  if (boolean(disable, [...path, 'disable'])) return { Test: ['NONE'] };
  const Test = Array.isArray(test)
    ? texts(test, [...path, 'test'])
    : test == null
      ? undefined
      : ['CMD-SHELL', text(test, [...path, 'test'])!];
  return {
    ...present('Test', Test),
    ...present('Interval', duration(interval, [...path, 'interval'])),
    ...present('Timeout', duration(timeout, [...path, 'timeout'])),
    ...present('Retries', integer(retries, [...path, 'retries'])),
    ...present('StartPeriod', duration(start_period, [...path, 'start_period'])),
    ...present('StartInterval', duration(start_interval, [...path, 'start_interval'])),
  };
}

function ulimitsOf(raw: Dict, path: Path): NonNullable<ContainerSpec['Ulimits']> {
  return Object.entries(raw)
    .map(([Name, value]) => {
      const at = [...path, Name];
      if (!isDict(value)) return { Name, Soft: integer(value, at), Hard: integer(value, at) };
      return { Name, Soft: integer(value.soft, at), Hard: integer(value.hard, at) };
    })
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

function networksOf(
  service: string,
  raw: unknown,
  path: Path,
  stack: Stack,
): NonNullable<TaskSpec['Networks']> {
  const named = Array.isArray(raw)
    ? Object.fromEntries(texts(raw, path).map((name) => [name, undefined]))
    : dict(raw, path);
  const entries = Object.entries(named);
  return (entries.length > 0 ? entries : [['default', undefined] as const])
    .map(([name, options]) => {
      const target = stack.networkName(name);
      if (target === undefined)
        throw new ComposeError([...path, name], `there is no network ${name}: name it under networks`);
      const aliases = texts(dict(options, [...path, name]).aliases, [...path, name, 'aliases']);
      // The network of a host has no names.
      return ['host', 'none'].includes(target)
        ? { Target: target }
        : { Target: target, Aliases: [...aliases, service] };
    })
    .sort((a, b) => (a.Target < b.Target ? -1 : 1));
}

function present<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}
