/**
 * The canonical form of a service spec: the one that Docker's API gives back for it. Nulls and empty values are left
 * out, enumerations are spelled out, the mode is explicit; no other default is filled in. The form is stored, so that a
 * client which reads a spec and posts it back changes nothing: canonical(canonical(spec)) equals canonical(spec).
 */
import { ApiError } from '../../../../model/errors.ts';
import type {
  EndpointSpec,
  GenericResource,
  NetworkAttachmentConfig,
  Placement,
  PortConfig,
  Resources,
  RestartPolicy,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
  UpdateConfig,
} from '../../../../model/spec.ts';
import { labels, list, map, number, optional, pointer, present, text } from '../../go-form.ts';
import { canonicalContainer } from './container.ts';

/** Throws ApiError 400, with Docker's text, for what cannot be understood at all. */
export function canonicalService(spec: ServiceSpec): ServiceSpec {
  const template = spec.TaskTemplate ?? {};
  return present({
    Name: text(spec.Name),
    Labels: labels(spec.Labels),
    TaskTemplate: {
      ...canonicalTask(template),
      ...present({ Networks: networks(template.Networks) }),
      ...optional(template.LogDriver, ({ Name, Options }) => ({
        LogDriver: present({ Name: text(Name), Options: map(Options) }),
      })),
      ForceUpdate: template.ForceUpdate ?? 0,
      Runtime: 'container',
    },
    Mode: mode(spec.Mode ?? {}),
    UpdateConfig: optional(spec.UpdateConfig, updateConfig),
    RollbackConfig: optional(spec.RollbackConfig, updateConfig),
    Networks: networks(spec.Networks),
    EndpointSpec: optional(spec.EndpointSpec, endpoint),
  });
}

function canonicalTask(spec: TaskSpec): TaskSpec {
  if (!['', 'container', 'plugin'].includes(spec.Runtime ?? '')) {
    throw new ApiError(400, 'unsupported runtime');
  }
  if (spec.Runtime === 'plugin' && spec.PluginSpec) {
    throw new ApiError(500, 'runtime type "plugin" only supported in experimental');
  }
  if (spec.Runtime === 'plugin' || !spec.ContainerSpec) {
    throw new ApiError(400, 'mismatched Runtime and *Spec fields');
  }
  return present({
    ContainerSpec: canonicalContainer(spec.ContainerSpec),
    Resources: optional(spec.Resources, resources),
    RestartPolicy: optional(spec.RestartPolicy, restartPolicy),
    Placement: optional(spec.Placement, placement),
  });
}

function resources({ Limits, Reservations, SwapBytes, MemorySwappiness }: Resources): Resources {
  return present({
    Limits: optional(Limits, ({ NanoCPUs, MemoryBytes, Pids }) =>
      present({ NanoCPUs: number(NanoCPUs), MemoryBytes: number(MemoryBytes), Pids: number(Pids) }),
    ),
    Reservations: optional(Reservations, ({ NanoCPUs, MemoryBytes, GenericResources }) =>
      present({
        NanoCPUs: number(NanoCPUs),
        MemoryBytes: number(MemoryBytes),
        GenericResources: list(GenericResources?.map(genericResource)),
      }),
    ),
    SwapBytes: pointer(SwapBytes),
    MemorySwappiness: pointer(MemorySwappiness),
  });
}

function genericResource({ NamedResourceSpec, DiscreteResourceSpec }: GenericResource): GenericResource {
  if (DiscreteResourceSpec) {
    const { Kind, Value } = DiscreteResourceSpec;
    return { DiscreteResourceSpec: present({ Kind: text(Kind), Value: number(Value) }) };
  }
  if (NamedResourceSpec) {
    const { Kind, Value } = NamedResourceSpec;
    return { NamedResourceSpec: present({ Kind: text(Kind), Value: text(Value) }) };
  }
  throw new ApiError(400, 'a generic resource needs a NamedResourceSpec or a DiscreteResourceSpec');
}

function restartPolicy(policy: RestartPolicy): RestartPolicy {
  const condition = policy.Condition || 'any';
  if (!['none', 'on-failure', 'any'].includes(condition)) {
    throw new ApiError(400, `invalid RestartCondition: ${JSON.stringify(condition)}`);
  }
  return present({
    Condition: condition,
    Delay: pointer(policy.Delay),
    MaxAttempts: policy.MaxAttempts ?? 0,
    Window: pointer(policy.Window),
  });
}

function placement({ Constraints, Preferences, MaxReplicas, Platforms }: Placement): Placement {
  const spreads = Preferences?.filter(({ Spread }) => Spread).map(({ Spread }) => ({
    Spread: { SpreadDescriptor: Spread!.SpreadDescriptor ?? '' },
  }));
  return present({
    Constraints: list(Constraints),
    Preferences: list(spreads),
    MaxReplicas: number(MaxReplicas),
    Platforms: list(
      Platforms?.map(({ Architecture, OS }) => present({ Architecture: text(Architecture), OS: text(OS) })),
    ),
  });
}

function networks(
  attachments: NetworkAttachmentConfig[] | null | undefined,
): NetworkAttachmentConfig[] | undefined {
  return list(
    attachments?.map(({ Target, Aliases, DriverOpts }) =>
      present({ Target: text(Target), Aliases: list(Aliases), DriverOpts: map(DriverOpts) }),
    ),
  );
}

function mode(spec: ServiceMode): ServiceMode {
  const { Replicated, Global, ReplicatedJob, GlobalJob } = spec;
  if ([Replicated, Global, ReplicatedJob, GlobalJob].filter(Boolean).length > 1) {
    throw new ApiError(400, 'must specify only one service mode');
  }
  if (Global) return { Global: {} };
  if (GlobalJob) return { GlobalJob: {} };
  if (ReplicatedJob) {
    const MaxConcurrent = ReplicatedJob.MaxConcurrent ?? 1;
    return {
      ReplicatedJob: {
        MaxConcurrent,
        TotalCompletions: ReplicatedJob.TotalCompletions ?? MaxConcurrent,
      },
    };
  }
  return { Replicated: { Replicas: Replicated?.Replicas ?? 1 } };
}

function updateConfig(config: UpdateConfig): UpdateConfig {
  const action = config.FailureAction || 'pause';
  if (!['pause', 'continue', 'rollback'].includes(action)) {
    throw new ApiError(400, `unrecognized update failure action ${action}`);
  }
  const order = config.Order || 'stop-first';
  if (!['stop-first', 'start-first'].includes(order)) {
    throw new ApiError(400, `unrecognized update order ${order}`);
  }
  return present({
    Parallelism: config.Parallelism ?? 0,
    Delay: number(config.Delay),
    FailureAction: action,
    Monitor: number(config.Monitor),
    MaxFailureRatio: config.MaxFailureRatio ?? 0,
    Order: order,
  });
}

function endpoint({ Mode, Ports }: EndpointSpec): EndpointSpec {
  const resolution = Mode || 'vip';
  if (!['vip', 'dnsrr'].includes(resolution)) {
    throw new ApiError(400, `invalid resolution mode: ${JSON.stringify(resolution)}`);
  }
  return present({ Mode: resolution, Ports: list(Ports?.map(port)) });
}

function port(config: PortConfig): PortConfig {
  const protocol = config.Protocol?.toLowerCase() ?? '';
  return present({
    Name: text(config.Name),
    Protocol: ['udp', 'sctp'].includes(protocol) ? protocol : 'tcp',
    TargetPort: number(config.TargetPort),
    PublishedPort: number(config.PublishedPort),
    PublishMode: config.PublishMode?.toLowerCase() === 'host' ? 'host' : 'ingress',
  });
}
