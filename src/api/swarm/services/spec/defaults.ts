/** A service spec with everything filled in that it does not say, as `?insertDefaults=true` asks for. */
import type { ServiceSpec, UpdateConfig } from '../../../../model/spec.ts';
import { canonicalService } from './service.ts';

const SECOND = 1e9;
const MONITOR = 5 * SECOND;
const RESTART_DELAY = 5 * SECOND;
const STOP_GRACE_PERIOD = 10 * SECOND;

/** The spec is in canonical form, and so is the answer. */
export function withDefaults(spec: ServiceSpec): ServiceSpec {
  const task = spec.TaskTemplate!;
  const container = task.ContainerSpec!;
  return canonicalService({
    ...spec,
    TaskTemplate: {
      ...task,
      ContainerSpec: {
        ...container,
        StopGracePeriod: container.StopGracePeriod ?? STOP_GRACE_PERIOD,
        DNSConfig: container.DNSConfig ?? {},
      },
      Resources: task.Resources ?? {},
      RestartPolicy: { ...task.RestartPolicy, Delay: task.RestartPolicy?.Delay ?? RESTART_DELAY },
      Placement: task.Placement ?? {},
    },
    UpdateConfig: updateConfig(spec.UpdateConfig),
    RollbackConfig: updateConfig(spec.RollbackConfig),
  });
}

function updateConfig(config: UpdateConfig | null | undefined): UpdateConfig {
  return { ...(config ?? { Parallelism: 1 }), Monitor: config?.Monitor || MONITOR };
}
