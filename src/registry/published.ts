/** What is published on a host, of what its engine and the cluster's state say. Pure. */
import type { ContainerRecord } from '../fleet/records.ts';
import { isIngressPort } from '../model/endpoint.ts';
import type { Node, Task } from '../model/objects.ts';
import { compareStates } from '../model/task-state.ts';
import type { View } from '../store/contract.ts';
import type { HostEntry, Port, PublishedContainer, Status } from './instances.ts';

const TASK_ID = 'com.docker.swarm.task.id';
const SERVICE = 'com.docker.swarm.service.name';
const EVERYWHERE = new Set(['', '0.0.0.0', '::']);

/** What is said of a host that is not as it should be. */
const HOST_STATES: Readonly<Record<Node['Status']['State'], { status: Status; output: string }>> = {
  ready: { status: 'passing', output: 'Agent alive and reachable' },
  unknown: { status: 'warning', output: 'The host answers, but its daemon or engine does not' },
  disconnected: { status: 'critical', output: 'The host is being switched off' },
  down: { status: 'critical', output: 'The host does not answer' },
};

/** @param taken names of other hosts */
export function hostEntry(node: Node, taken: ReadonlySet<string>): HostEntry {
  const { ID, Status: state, Spec, Description } = node;
  const name = Description?.Hostname || ID;
  return {
    id: ID,
    name: taken.has(name) ? `${name}-${ID.slice(0, 8)}` : name,
    address: state.Addr,
    labels: Spec.Labels ?? {},
    ...HOST_STATES[state.State],
  };
}

/** The containers of a host that run, with the ports under which they are reached there. */
export function publishedOn(records: Iterable<ContainerRecord>, view: View): PublishedContainer[] {
  const found: PublishedContainer[] = [];
  for (const record of records) {
    if (!record.state.Running || record.state.Restarting) continue;
    const task = taskOf(record, view);
    const ports = [...boundPorts(record), ...meshPorts(task, view)];
    if (ports.length === 0) continue;
    const service = record.labels[SERVICE];
    found.push({
      id: record.id,
      name: record.name,
      image: record.image,
      ...(service ? { service } : {}),
      labels: record.labels,
      variables: record.variables ?? [],
      ports,
      ...health(record, task),
    });
  }
  return found;
}

function taskOf({ labels }: ContainerRecord, view: View): Task | undefined {
  const id = labels[TASK_ID];
  return id === undefined ? undefined : view.get('task', id);
}

function boundPorts({ listed }: ContainerRecord): Port[] {
  return (listed.Ports ?? []).flatMap(({ IP = '', PrivatePort, PublicPort, Type }) =>
    PublicPort
      ? [
          {
            inside: PrivatePort,
            outside: PublicPort,
            protocol: Type as Port['protocol'],
            ...(EVERYWHERE.has(IP) ? {} : { ip: IP }),
          },
        ]
      : [],
  );
}

/** The routing mesh answers for them on every host, the task's own among them. */
function meshPorts(task: Task | undefined, view: View): Port[] {
  const service = task && view.get('service', task.ServiceID);
  return (service?.Endpoint.Ports ?? []).flatMap((port) =>
    isIngressPort(port) && port.PublishedPort && port.TargetPort
      ? [
          {
            inside: port.TargetPort,
            outside: port.PublishedPort,
            protocol: (port.Protocol || 'tcp') as Port['protocol'],
          },
        ]
      : [],
  );
}

function health(
  { state, labels }: ContainerRecord,
  task: Task | undefined,
): Pick<PublishedContainer, 'status' | 'output' | 'isStarting'> {
  const isLeaving = task ? compareStates(task.DesiredState, 'running') > 0 : labels[TASK_ID] !== undefined;
  if (isLeaving) return { status: 'critical', output: 'The container is about to be stopped' };
  if (state.Paused) return { status: 'critical', output: 'The container is paused' };
  const said = state.Health?.Status;
  if (said === 'unhealthy') return { status: 'critical', output: 'The health check of the container fails' };
  if (said === 'starting')
    return {
      status: 'critical',
      output: 'The health check of the container has not succeeded yet',
      isStarting: true,
    };
  return {
    status: 'passing',
    output: said === 'healthy' ? 'The container is healthy' : 'The container runs',
  };
}
