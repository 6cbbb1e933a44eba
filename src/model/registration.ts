/**
 * What a container says of how it is to be registered, by Registrator's conventions: variables and labels that begin with
 * SERVICE_, those of one port (SERVICE_80_NAME) before those of all. Pure.
 */

/** Says of itself, for one of its ports, under names in lower case: `name`, `tags`, `check_http`, `region`. */
export interface Said {
  readonly values: Readonly<Record<string, string>>;
  /** Which of them were said of this port alone. */
  readonly ofPort: ReadonlySet<string>;
}

export const PREFIX = 'SERVICE_';

/** @param variables `NAME=value`; what labels say wins over them */
export function saidOf(
  port: number,
  variables: readonly string[],
  labels: Readonly<Record<string, string>>,
): Said {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  const ofPort = new Set<string>();
  for (const [name, value] of [...variables.map(split), ...Object.entries(labels)]) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    const key = name.slice(PREFIX.length).toLowerCase();
    const [, number, rest] = /^(\d+)_(.+)$/.exec(key) ?? [];
    if (number === undefined) {
      if (key !== '' && !ofPort.has(key)) values[key] = value;
    } else if (Number(number) === port) {
      values[rest!] = value;
      ofPort.add(rest!);
    }
  }
  return { values, ofPort };
}

function split(variable: string): [string, string | undefined] {
  const at = variable.indexOf('=');
  return at < 0 ? [variable, undefined] : [variable.slice(0, at), variable.slice(at + 1)];
}

/** `a, b` as a list; a comma after a backslash belongs to the tag. */
export function tagsOf(text: string | undefined): string[] {
  if (!text) return [];
  const tags = text.split(/(?<!\\),/).map((tag) => tag.replaceAll('\\,', ',').trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

/** What a service is called whose containers do not say it: `registry:5000/acme/web:2` is a `web`. */
export function nameOfImage(image: string): string {
  const [path = ''] = image.split('@');
  return path.slice(path.lastIndexOf('/') + 1).split(':')[0]!;
}

/** A port by which a container is an instance of a service. */
export interface Offer {
  /** What the service is called. */
  service: string;
  /** The container's own; 0 where none is known: then it is found by its address alone. */
  port: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  tags: string[];
}

export interface Offering {
  /** The service of the swarm that it is a task of. */
  service?: string | undefined;
  image: string;
  variables: readonly string[];
  labels: Readonly<Record<string, string>>;
  ports: ReadonlyArray<{ port: number; protocol: Offer['protocol'] }>;
}

/** Of one container so many are told. */
const MOST_OFFERS = 16;

/**
 * What a container offers to those that share a network with it: its ports that are published or exposed, and those that it
 * says something of (SERVICE_80_NAME).
 */
export function offersOf({ service, image, variables, labels, ports }: Offering): Offer[] {
  const all = new Map(ports.map((each) => [`${each.port}/${each.protocol}`, each]));
  const names = [...variables.map((each) => split(each)[0]), ...Object.keys(labels)];
  for (const name of names) {
    const port = Number(new RegExp(`^${PREFIX}(\\d{1,5})_.`).exec(name)?.[1] ?? 0);
    const isNew = ![...all.values()].some((each) => each.port === port);
    if (port > 0 && port < 65_536 && isNew) all.set(`${port}/tcp`, { port, protocol: 'tcp' });
  }
  const sorted = [...all.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  const known = sorted.length > 0 ? sorted : [{ port: 0, protocol: 'tcp' as const }];
  return known.slice(0, MOST_OFFERS).flatMap(({ port, protocol }) => {
    const { values, ofPort } = saidOf(port, variables, labels);
    if (values.ignore) return [];
    const named = serviceName({ service, image, port, isOneOfSeveral: known.length > 1 }, { values, ofPort });
    const tags = [...tagsOf(values.tags), ...(protocol === 'tcp' ? [] : [protocol])];
    return [{ service: named, port, protocol, tags }];
  });
}

/** What the service of a port is called. */
export function serviceName(
  container: { service?: string | undefined; image: string; port: number; isOneOfSeveral: boolean },
  { values, ofPort }: Said,
): string {
  const base = values.name || container.service || nameOfImage(container.image);
  const isNamed = ofPort.has('name') && values.name;
  return container.isOneOfSeveral && !isNamed ? `${base}-${container.port}` : base;
}
