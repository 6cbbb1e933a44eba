/** Which instances of which services a host's containers are. Pure. */
import { saidOf, serviceName, tagsOf } from '../model/registration.ts';

/** As Consul has it: what is not `passing` is led to by nobody, or as the last resort where it is a `warning`. */
export type Status = 'passing' | 'warning' | 'critical';

export interface HostEntry {
  readonly id: string;
  /** Unlike those of all other hosts. */
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: Status;
  /** Why it is not `passing`. */
  readonly output: string;
}

export interface Port {
  /** Of the container. */
  readonly inside: number;
  /** Of the host. */
  readonly outside: number;
  /** The host's address that it is bound to, if it is only one of them. */
  readonly ip?: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
}

/** A container that runs. */
export interface PublishedContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** The service of the swarm that it is a task of. */
  readonly service?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  readonly variables: readonly string[];
  readonly ports: readonly Port[];
  readonly status: Status;
  readonly output: string;
  /** Its health check has said nothing yet. */
  readonly isStarting?: true;
}

export interface Instance {
  /** `host:container:port`, unlike all others. */
  readonly id: string;
  readonly service: string;
  readonly hostId: string;
  readonly containerId: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: Port['protocol'];
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly status: Status;
  readonly output: string;
}

/** What of what a container says is no further attribute of its service. */
const OWN = new Set(['id', 'name', 'tags', 'ignore']);
/** `SERVICE_CHECK_INITIAL_STATUS`: what an instance is until its health check says something. */
const INITIAL_STATUS = 'check_initial_status';
const STATUSES: readonly string[] = ['passing', 'warning', 'critical'] satisfies Status[];
const MOST_META = { entries: 64, key: 128, value: 512 };

/** All instances on a host, in the order of its containers and their ports. */
export function instancesOf(host: HostEntry, containers: Iterable<PublishedContainer>): Instance[] {
  const instances: Instance[] = [];
  const taken = new Set<string>();
  for (const container of containers) {
    const ports = distinct(container.ports);
    for (const port of ports) {
      const instance = instanceOf(host, container, port, ports.length > 1);
      if (!instance) continue;
      // An id that is given by hand may be given twice.
      const id = taken.has(instance.id) ? defaultId(host, container, port) : instance.id;
      if (taken.has(id)) continue;
      taken.add(id);
      instances.push({ ...instance, id });
    }
  }
  return instances;
}

function instanceOf(
  host: HostEntry,
  container: PublishedContainer,
  port: Port,
  isOneOfSeveral: boolean,
): Instance | undefined {
  const said = saidOf(port.inside, container.variables, container.labels);
  const { values } = said;
  if (values.ignore) return undefined;
  const service = serviceName({ ...container, port: port.inside, isOneOfSeveral }, said);
  return {
    id: values.id || defaultId(host, container, port),
    service,
    hostId: host.id,
    containerId: container.id,
    address: port.ip ?? host.address,
    port: port.outside,
    protocol: port.protocol,
    tags: [...tagsOf(values.tags), ...(port.protocol === 'tcp' ? [] : [port.protocol])],
    meta: metaOf(values),
    status: container.isStarting ? initialStatus(values[INITIAL_STATUS], container.status) : container.status,
    output: container.output,
  };
}

function initialStatus(said: string | undefined, otherwise: Status): Status {
  return said !== undefined && STATUSES.includes(said) ? (said as Status) : otherwise;
}

function defaultId(host: HostEntry, { name }: PublishedContainer, { inside, protocol }: Port): string {
  return `${host.name}:${name}:${inside}${protocol === 'tcp' ? '' : `:${protocol}`}`;
}

/** As much of it as a Consul would take. */
function metaOf(values: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(values).filter(
    ([key, value]) =>
      !OWN.has(key) && /^[\w-]+$/.test(key) && key.length <= MOST_META.key && value.length <= MOST_META.value,
  );
  return Object.fromEntries(kept.slice(0, MOST_META.entries));
}

/** A port is bound for IPv4 and for IPv6; one that only the host itself can reach is nobody's elsewhere. */
function distinct(ports: readonly Port[]): Port[] {
  const found = new Map<string, Port>();
  for (const port of ports) {
    if (port.ip !== undefined && isLoopback(port.ip)) continue;
    const key = `${port.inside}/${port.protocol}`;
    if (!found.has(key)) found.set(key, port);
  }
  return [...found.values()].sort((a, b) => a.inside - b.inside || (a.protocol < b.protocol ? -1 : 1));
}

const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1';
