/**
 * What a spec means where it says nothing, as Docker Swarm reads it. Specs are stored as they were received, so every
 * reader goes through here. Durations come out in milliseconds.
 */
import type { Cluster } from './objects.ts';
import type { ServiceSpec, TaskSpec, UpdateConfig } from './spec.ts';

const NANOSECONDS = 1_000_000;
const RESTART_DELAY = 5_000;
const MONITOR = 5_000;
const HISTORY_LIMIT = 5;

/**
 * What a service's tasks are made from: its template, with the networks that old clients put beside it into the
 * service's own spec. They count where the template has none.
 */
export function taskTemplate({ TaskTemplate, Networks }: ServiceSpec): TaskSpec {
  const template = TaskTemplate ?? {};
  return Networks?.length && !template.Networks?.length ? { ...template, Networks } : template;
}

export type Mode =
  | { kind: 'replicated'; replicas: number }
  | { kind: 'global' }
  | { kind: 'replicated-job'; maxConcurrent: number; totalCompletions: number }
  | { kind: 'global-job' };

export function modeOf(spec: ServiceSpec): Mode {
  const mode = spec.Mode;
  if (mode?.Global) return { kind: 'global' };
  if (mode?.GlobalJob) return { kind: 'global-job' };
  if (mode?.ReplicatedJob) {
    const maxConcurrent = mode.ReplicatedJob.MaxConcurrent ?? 1;
    return {
      kind: 'replicated-job',
      maxConcurrent,
      totalCompletions: mode.ReplicatedJob.TotalCompletions ?? maxConcurrent,
    };
  }
  return { kind: 'replicated', replicas: mode?.Replicated?.Replicas ?? 1 };
}

export interface RestartRules {
  condition: 'any' | 'on-failure' | 'none';
  delay: number;
  /** 0: without limit. */
  maxAttempts: number;
  /** 0: attempts are counted for ever. */
  window: number;
}

export function restartRules(spec: TaskSpec): RestartRules {
  const policy = spec.RestartPolicy;
  const condition = policy?.Condition;
  return {
    condition: condition === 'none' || condition === 'on-failure' ? condition : 'any',
    delay: policy?.Delay == null ? RESTART_DELAY : policy.Delay / NANOSECONDS,
    maxAttempts: policy?.MaxAttempts ?? 0,
    window: (policy?.Window ?? 0) / NANOSECONDS,
  };
}

export interface UpdateRules {
  /** Infinity: all slots at once. */
  parallelism: number;
  delay: number;
  failureAction: 'pause' | 'continue' | 'rollback';
  /** How long a new task is watched for failure once it runs. */
  monitor: number;
  maxFailureRatio: number;
  order: 'stop-first' | 'start-first';
}

/** How a service is updated, or rolled back. Without any configuration: one slot at a time. */
export function updateRules(spec: ServiceSpec, rollback: boolean): UpdateRules {
  const config: UpdateConfig = (rollback ? spec.RollbackConfig : spec.UpdateConfig) ?? { Parallelism: 1 };
  const delay = (config.Delay ?? 0) / NANOSECONDS;
  const monitor = (config.Monitor || MONITOR * NANOSECONDS) / NANOSECONDS;
  const action = config.FailureAction;
  return {
    parallelism: config.Parallelism || Number.POSITIVE_INFINITY,
    delay,
    failureAction: action === 'continue' || action === 'rollback' ? action : 'pause',
    // A failure during the delay has to count, or the next slots follow a broken one.
    monitor: delay >= monitor ? delay + 1_000 : monitor,
    maxFailureRatio: config.MaxFailureRatio ?? 0,
    order: config.Order === 'start-first' ? 'start-first' : 'stop-first',
  };
}

/** How many tasks of a slot are kept, the running one included. Negative: all. */
export function historyLimit(cluster: Cluster | undefined): number {
  return cluster?.Spec.Orchestration?.TaskHistoryRetentionLimit ?? HISTORY_LIMIT;
}
