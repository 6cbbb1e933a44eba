/** What a compose file says under `deploy`, made of a service's spec. Pure. */
import type { GenericResource, Resources, ServiceSpec, UpdateConfig } from '../model/spec.ts';
import type { Dict } from './read.ts';

export function deployEntry(spec: ServiceSpec, labels: Dict): Dict {
  const { Mode, UpdateConfig, RollbackConfig, EndpointSpec } = spec;
  const { Resources, RestartPolicy, Placement } = spec.TaskTemplate ?? {};
  const job = Mode?.ReplicatedJob;
  const isOnEachNode = Mode?.Global || Mode?.GlobalJob;
  return trimmed({
    mode: Mode?.Global ? 'global' : Mode?.GlobalJob ? 'global-job' : job ? 'replicated-job' : undefined,
    replicas: job ? job.TotalCompletions : isOnEachNode ? undefined : (Mode?.Replicated?.Replicas ?? 1),
    labels,
    endpoint_mode: EndpointSpec?.Mode === 'vip' ? undefined : EndpointSpec?.Mode,
    resources: trimmed({
      limits: resourceEntry(Resources?.Limits),
      reservations: resourceEntry(Resources?.Reservations),
    }),
    restart_policy:
      RestartPolicy &&
      trimmed({
        condition: RestartPolicy.Condition,
        delay: RestartPolicy.Delay == null ? undefined : durationText(RestartPolicy.Delay),
        max_attempts: RestartPolicy.MaxAttempts || undefined,
        window: RestartPolicy.Window ? durationText(RestartPolicy.Window) : undefined,
      }),
    placement: trimmed({
      constraints: Placement?.Constraints,
      preferences: (Placement?.Preferences ?? []).map(({ Spread }) => ({
        spread: Spread?.SpreadDescriptor ?? '',
      })),
      max_replicas_per_node: Placement?.MaxReplicas || undefined,
    }),
    update_config: updateEntry(UpdateConfig),
    rollback_config: updateEntry(RollbackConfig),
  });
}

type Side = NonNullable<Resources['Limits']> & NonNullable<Resources['Reservations']>;

function resourceEntry(side: Side | null | undefined): Dict {
  return trimmed({
    cpus: side?.NanoCPUs ? String(side.NanoCPUs / 1e9) : undefined,
    memory: side?.MemoryBytes ? String(side.MemoryBytes) : undefined,
    pids: side?.Pids || undefined,
    generic_resources: (side?.GenericResources ?? []).flatMap(genericEntry),
  });
}

function genericEntry({ DiscreteResourceSpec }: GenericResource): Dict[] {
  if (!DiscreteResourceSpec) return [];
  const { Kind, Value } = DiscreteResourceSpec;
  return [{ discrete_resource_spec: { kind: Kind ?? '', value: Value ?? 0 } }];
}

function updateEntry(config: UpdateConfig | null | undefined): Dict | undefined {
  if (!config) return undefined;
  return trimmed({
    parallelism: config.Parallelism ?? 0,
    delay: config.Delay ? durationText(config.Delay) : undefined,
    failure_action: config.FailureAction,
    monitor: config.Monitor ? durationText(config.Monitor) : undefined,
    max_failure_ratio: config.MaxFailureRatio || undefined,
    order: config.Order,
  });
}

/** Nanoseconds as compose files have them: `1s`, `1500ms`. */
export function durationText(nano: number): string {
  if (nano % 1e9 === 0) return `${nano / 1e9}s`;
  return nano % 1e6 === 0 ? `${nano / 1e6}ms` : `${nano}ns`;
}

/** Without what says nothing. */
export function trimmed(fields: Dict): Dict {
  const says = (value: unknown): boolean =>
    value !== undefined &&
    value !== null &&
    value !== '' &&
    value !== false &&
    !(typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => says(value)));
}
