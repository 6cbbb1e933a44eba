/** What a request to create a container asks of the cluster: taken out of its environment, kept in its labels. */
import { keyOf, part, set, text, texts } from '../../api/body-object.ts';
import { type HostPort, hostPorts, type PortBindings } from '../../fleet/records.ts';
import { ApiError } from '../../model/errors.ts';
import { type Expression, parseExpression } from './expression.ts';

export type Body = Record<string, unknown>;

/** Stays the same wherever a container is created anew. 64 hexadecimal digits. */
export const SWARM_ID = 'com.docker.swarm.id';

const KINDS = {
  constraint: 'com.docker.swarm.constraints',
  affinity: 'com.docker.swarm.affinities',
  whitelist: 'com.docker.swarm.whitelists',
  reschedule: 'com.docker.swarm.reschedule-policies',
} as const;
export type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];

/** What a container to be created needs of its host. */
export interface Ask {
  /** Empty: the engine makes one up. */
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly ports: readonly HostPort[];
  readonly exposed: readonly string[];
  readonly networkMode: string;
  readonly volumesFrom: readonly string[];
  readonly links: readonly string[];
  /** Volumes that it mounts by name. */
  readonly volumes: readonly string[];
  readonly constraints: readonly Expression[];
  readonly affinities: readonly Expression[];
  readonly whitelists: readonly Expression[];
}

/** The body with expressions of its environment moved to its labels. @throws ApiError */
export function consolidated(body: Body): Body {
  const found: Record<Kind, string[]> = { constraint: [], affinity: [], whitelist: [], reschedule: [] };
  const env = texts(body[keyOf(body, 'Env')]);
  const kept = env.filter((entry) => {
    const kind = ALL.find((each) => entry.startsWith(`${each}:`));
    if (kind) found[kind].push(entry.slice(kind.length + 1));
    return !kind;
  });
  const labels = stringsOf(part(body, 'Labels'));
  for (const kind of ALL) {
    const all = [...expressions(labels, kind), ...found[kind]];
    if (all.length > 0) labels[KINDS[kind]] = JSON.stringify(all);
  }
  checkPolicies(labels);
  const moved = kept.length === env.length ? body : set(body, 'Env', kept);
  return Object.keys(labels).length === 0 ? moved : set(moved, 'Labels', labels);
}

/** What is kept in labels about that. @throws ApiError if it is no array of texts */
export function expressions(labels: Readonly<Record<string, string>>, kind: Kind): string[] {
  const label = labels[KINDS[kind]];
  if (label === undefined) return [];
  try {
    // In single quotes, shells leave what many write before an exclamation mark.
    const value: unknown = JSON.parse(label.replaceAll('\\!', '!'));
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  } catch {
    // Said below.
  }
  throw new ApiError(
    400,
    `label ${KINDS[kind]} is ${label}: it has to be an array of texts in JSON, like ["${EXAMPLE[kind]}"]`,
  );
}

const EXAMPLE: Record<Kind, string> = {
  constraint: 'storage==ssd',
  affinity: 'container==db',
  whitelist: 'node==node1|node2',
  reschedule: 'on-node-failure',
};

/** The labels with one more expression of that kind. */
export function withExpression(
  labels: Readonly<Record<string, string>>,
  kind: Kind,
  expression: string,
): Record<string, string> {
  return { ...labels, [KINDS[kind]]: JSON.stringify([...expressions(labels, kind), expression]) };
}

/** Whether a container with these labels is created anew when its host is lost. Labels that say nothing sensible say no. */
export function isRescheduled(labels: Readonly<Record<string, string>>): boolean {
  try {
    return expressions(labels, 'reschedule').includes('on-node-failure');
  } catch {
    return false;
  }
}

function checkPolicies(labels: Readonly<Record<string, string>>): void {
  const policies = expressions(labels, 'reschedule');
  if (policies.length > 1) throw new ApiError(400, 'too many reschedule policies');
  const [policy] = policies;
  if (policy !== undefined && policy !== 'off' && policy !== 'on-node-failure') {
    throw new ApiError(400, `invalid reschedule policy: ${policy}`);
  }
}

/** @param body consolidated @throws ApiError */
export function askOf(name: string, body: Body): Ask {
  const host = part(body, 'HostConfig');
  const labels = stringsOf(part(body, 'Labels'));
  const parsed = (kind: Kind): Expression[] => expressions(labels, kind).map(parseExpression);
  // Until API 1.18 these stood beside the image.
  const number = (field: string): number =>
    Number(host[keyOf(host, field)] ?? 0) || Number(body[keyOf(body, field)] ?? 0) || 0;
  return {
    name,
    image: text(body[keyOf(body, 'Image')]),
    labels,
    memory: number('Memory'),
    cpus: number('CpuShares'),
    ports: hostPorts(part(host, 'PortBindings') as PortBindings),
    exposed: Object.keys(part(body, 'ExposedPorts')),
    networkMode: text(host[keyOf(host, 'NetworkMode')]),
    volumesFrom: texts(host[keyOf(host, 'VolumesFrom')]),
    links: texts(host[keyOf(host, 'Links')]),
    volumes: namedVolumes(host),
    constraints: parsed('constraint'),
    affinities: parsed('affinity'),
    whitelists: parsed('whitelist'),
  };
}

/** What a container without wishes would ask for. */
export function emptyAsk(changes: Partial<Ask> = {}): Ask {
  return { ...askOf('', {}), ...changes };
}

function namedVolumes(host: Body): string[] {
  const bound = texts(host[keyOf(host, 'Binds')]).map((bind) => bind.split(':')[0]!);
  const mounts = host[keyOf(host, 'Mounts')];
  const mounted = (Array.isArray(mounts) ? (mounts as Body[]) : []).flatMap((mount) =>
    (mount.Type ?? mount.type) === 'volume' ? [text(mount.Source ?? mount.source)] : [],
  );
  return [...bound, ...mounted].filter((source) => source !== '' && !source.startsWith('/'));
}

function stringsOf(object: Body): Record<string, string> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, String(value)]));
}

/** Shares of the engine's processor time that stand for so many of its processors, and back. */
export function cpuShares(cpus: number, of: number): number {
  return Math.ceil((cpus * 1024) / of);
}
export function cpusOf(shares: number, of: number): number {
  return Math.floor((shares * of) / 1024);
}
