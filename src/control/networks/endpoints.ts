/** Who is on a network and takes part in what its services serve, read off the store. */
import { hostOf } from '../../model/cidr.ts';
import { taskTemplate } from '../../model/defaults.ts';
import { isIngressPort } from '../../model/endpoint.ts';
import {
  macOf,
  type NetworkEndpoint,
  type PublishedPort,
  type ServiceEndpoints,
} from '../../model/network-state.ts';
import type { Attachment, Service, Task } from '../../model/objects.ts';
import { type Offer, offersOf } from '../../model/registration.ts';
import { taskName, templateContext } from '../../model/task-context.ts';
import { atLeast, compareStates } from '../../model/task-state.ts';
import { expand } from '../../model/template/template.ts';
import type { View } from '../../store/contract.ts';
import { holdsAddresses } from '../allocator/claims.ts';

/** True if the task takes part in what its service serves: it runs, is healthy, and neither it nor its host is about to be stopped. */
function isReady(task: Task, view: View): boolean {
  if (!readyByItself(task)) return false;
  const state = task.NodeID === undefined ? 'down' : view.get('node', task.NodeID)?.Status.State;
  return state !== 'down' && state !== 'disconnected';
}

/** The same, whatever has become of its host. */
export function readyByItself(task: Task | undefined): boolean {
  return task?.Status.State === 'running' && compareStates(task.DesiredState, 'running') <= 0;
}

/**
 * Those of a service's tasks that its clients are led to. While the daemon of a host is away nobody sees what becomes of
 * the containers there: others come first, and these only serve where there are no others.
 */
function serving(tasks: Iterable<Task>, view: View): Task[] {
  const seen: Task[] = [];
  const unseen: Task[] = [];
  for (const task of tasks) {
    if (!isReady(task, view)) continue;
    const { State } = view.get('node', task.NodeID!)!.Status;
    (State === 'unknown' ? unseen : seen).push(task);
  }
  return seen.length > 0 ? seen : unseen;
}

/** The networks in which the task is an endpoint. */
export function networksOfTask(task: Task | undefined): string[] {
  if (!task?.NodeID || !holdsAddresses(task) || !atLeast(task.Status.State, 'assigned')) return [];
  return task.NetworksAttachments!.flatMap(({ Network, Addresses }) =>
    Addresses.length > 0 ? [Network.ID] : [],
  );
}

/** The network in which it is an endpoint. */
export function networksOfAttachment(attachment: Attachment | undefined): string[] {
  return attachment?.Addresses.length ? [attachment.NetworkID] : [];
}

export interface Members {
  tasks: readonly Task[];
  services: readonly Service[];
  attachments: readonly Attachment[];
}

/** What all hosts are told of a network alike. */
export interface Core {
  endpoints: NetworkEndpoint[];
  services: ServiceEndpoints[];
}

/** @param members in the order in which they are to be told */
export function coreOf(networkId: string, members: Members, view: View): Core {
  const tasks = Map.groupBy(members.tasks, ({ ServiceID }) => ServiceID);
  const services = members.services.map((service) => {
    const { ID, Spec, Endpoint } = service;
    const config = taskTemplate(Spec).Networks?.filter(({ Target }) => Target === networkId) ?? [];
    const vips = (Endpoint.VirtualIPs ?? []).filter(({ NetworkID }) => NetworkID === networkId);
    return {
      id: ID,
      name: Spec.Name ?? '',
      aliases: [...new Set(config.flatMap(({ Aliases }) => Aliases ?? []))],
      vips: vips.map(({ Addr }) => hostOf(Addr)),
      ready: serving(tasks.get(ID) ?? [], view).map((task) => task.ID),
      offers: offersOfService(service),
    };
  });
  const endpoints = [
    ...members.tasks.map((task) => endpointOf(task, networkId, view)),
    ...members.attachments.map(attachedEndpoint),
  ];
  return { endpoints, services };
}

/** The ports of the routing mesh, with those who take part behind them. */
export function publishedPorts(view: View): PublishedPort[] {
  const ports: PublishedPort[] = [];
  for (const service of view.all('service')) {
    const published = (service.Endpoint.Ports ?? []).filter(
      (port) => isIngressPort(port) && port.PublishedPort,
    );
    if (published.length === 0) continue;
    const targets: string[] = [];
    for (const task of serving(view.tasksOfService(service.ID), view)) {
      for (const { Network, Addresses } of task.NetworksAttachments ?? []) {
        const ingress = view.get('network', Network.ID)?.Spec.Ingress;
        if (ingress) targets.push(...Addresses.map(hostOf));
      }
    }
    targets.sort();
    for (const { Protocol, PublishedPort, TargetPort } of published) {
      const protocol = (Protocol || 'tcp') as PublishedPort['protocol'];
      ports.push({
        protocol,
        port: PublishedPort!,
        targetPort: TargetPort ?? 0,
        serviceId: service.ID,
        targets,
      });
    }
  }
  return ports.sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

function endpointOf(task: Task, networkId: string, view: View): NetworkEndpoint {
  const { ID, NodeID, ServiceID, Spec, NetworksAttachments } = task;
  const attachment = NetworksAttachments!.find(({ Network }) => Network.ID === networkId)!;
  const addresses = attachment.Addresses.map(hostOf);
  return {
    id: ID,
    nodeId: NodeID!,
    addresses,
    mac: macOf(addresses[0]!),
    names: [taskName(task), ...(isReady(task, view) ? hostnamesOf(task, view) : [])],
    ...(view.get('node', NodeID!)?.Status.State === 'down' ? { lost: true } : {}),
    ...(Spec.ContainerSpec?.DNSConfig?.Nameservers?.length ? { ownNameServers: true } : {}),
    ...(ServiceID ? { serviceId: ServiceID } : {}),
  };
}

/** By the ports that it publishes, and those that its containers say something of. */
function offersOfService({ Spec, Endpoint }: Service): Offer[] {
  const { Image, Labels, Env } = taskTemplate(Spec).ContainerSpec ?? {};
  const ports = Endpoint.Ports ?? [];
  return offersOf({
    service: Spec.Name ?? '',
    image: Image ?? '',
    variables: Env ?? [],
    labels: Labels ?? {},
    ports: ports.flatMap(({ TargetPort, Protocol }) =>
      TargetPort ? [{ port: TargetPort, protocol: (Protocol || 'tcp') as Offer['protocol'] }] : [],
    ),
  });
}

/** What the container takes its host for: programs tell each other that name to be reached under it. */
function hostnamesOf(task: Task, view: View): string[] {
  const given = task.Spec.ContainerSpec?.Hostname;
  const id = task.Status.ContainerStatus?.ContainerID?.slice(0, 12);
  const names = given ? [hostname(given, task, view), id] : [id];
  return names.filter((name) => name !== undefined && name !== '') as string[];
}

/** Undefined for one that cannot be filled in; its host says so of the task. */
function hostname(given: string, task: Task, view: View): string | undefined {
  if (!given.includes('{{')) return given;
  const description = view.get('node', task.NodeID!)?.Description;
  const { Architecture, OS } = description?.Platform ?? {};
  const host = {
    nodeId: task.NodeID!,
    hostname: description?.Hostname ?? '',
    platform: { Architecture: Architecture ?? '', OS: OS ?? '' },
  };
  try {
    return expand(given, templateContext(task, host));
  } catch {
    return undefined;
  }
}

/** It can be reached from the start; it has names while it runs. */
function attachedEndpoint({ ID, NodeID, Addresses, internal }: Attachment): NetworkEndpoint {
  const { container, aliases = [], ownNameServers } = internal;
  const addresses = Addresses.map(hostOf);
  return {
    id: container?.id ?? ID,
    nodeId: NodeID,
    addresses,
    mac: macOf(addresses[0]!),
    names: container?.running ? [container.name, container.id.slice(0, 12), ...aliases] : [],
    ...(ownNameServers ? { ownNameServers } : {}),
    ...(container?.running && container.offers ? { offers: container.offers } : {}),
  };
}
