/** The engine's answers about containers, as far as they are used. */
import type { TaskContainer } from '../contract.ts';
import { LABEL } from './names.ts';
import { boundPorts } from './network-config.ts';

export interface ContainerInspect {
  Id: string;
  Config: { Labels: Record<string, string> };
  State: {
    Status: string;
    Pid: number;
    ExitCode: number;
    Error: string;
    Health?: { Status: string } | null;
  };
  NetworkSettings: { Ports?: Record<string, Array<{ HostIp: string; HostPort: string }> | null> | null };
}

export interface ContainerSummary {
  Id: string;
  Labels: Record<string, string>;
  State: string;
  /** "Up 3 seconds (healthy)", "Exited (137) 2 minutes ago". */
  Status: string;
  Ports: Array<{ IP?: string; PrivatePort: number; PublicPort?: number; Type: string }> | null;
}

export function fromInspect(container: ContainerInspect): TaskContainer {
  const { State } = container;
  const state = stateOf(State.Status);
  return {
    containerId: container.Id,
    taskId: container.Config.Labels[LABEL.taskId] ?? '',
    state,
    ...health(State.Health?.Status),
    pid: State.Pid,
    exitCode: State.ExitCode,
    ...(State.Error ? { error: State.Error } : {}),
    ports: state === 'running' ? boundPorts(container.NetworkSettings.Ports) : {},
  };
}

export function fromSummary(container: ContainerSummary): TaskContainer {
  const [, exitCode] = /^Exited \((\d+)\)/.exec(container.Status) ?? [];
  const [, status] = /\((?:health: )?(starting|healthy|unhealthy)\)$/.exec(container.Status) ?? [];
  const ports = (container.Ports ?? [])
    .filter(({ PublicPort }) => PublicPort !== undefined)
    .map(({ Type, PrivatePort, PublicPort }) => ({
      Protocol: Type,
      TargetPort: PrivatePort,
      PublishedPort: PublicPort,
      PublishMode: 'host',
    }));
  return {
    containerId: container.Id,
    taskId: container.Labels[LABEL.taskId] ?? '',
    state: stateOf(container.State),
    ...health(status),
    pid: 0,
    exitCode: Number(exitCode ?? 0),
    ports: ports.length > 0 ? { Ports: ports } : {},
  };
}

/** Paused and restarting containers have a process that counts. */
function stateOf(status: string): TaskContainer['state'] {
  if (status === 'created') return 'created';
  return status === 'running' || status === 'paused' || status === 'restarting' ? 'running' : 'exited';
}

function health(status: string | undefined): Pick<TaskContainer, 'health'> {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? { health: status } : {};
}
