/** `docker ps` over all hosts. */
import { type Filters, parseFilters } from '../../api/filters.ts';
import { boolValue } from '../../api/query.ts';
import type { Host } from '../../fleet/contract.ts';
import type { ContainerRecord, ListedContainer, ListedPort } from '../../fleet/records.ts';
import { statusText } from '../../fleet/status-text.ts';
import { ApiError } from '../../model/errors.ts';
import { type Found, findContainer } from '../lookup.ts';
import { hostId, hostName } from '../names.ts';
import { SWARM_ID } from '../rules/container-config.ts';
import { repository } from '../rules/filters.ts';

const TASK_LABEL = 'com.docker.swarm.task';

/**
 * The list as JSON. @param now milliseconds since the epoch @throws ApiError
 */
export function listContainers(hosts: readonly Host[], query: URLSearchParams, now: number): string {
  const filters = readFilters(query);
  const limit = Number(query.get('limit') ?? 0) || 0;
  const before = query.get('before') ?? '';
  const states = filters.get('status');
  const all =
    boolValue(query, 'all') || limit > 0 || before !== '' || states.length > 0 || filters.has('exited');
  const bounds = {
    before: boundary(hosts, [before, ...filters.get('before')].filter(Boolean)),
    since: boundary(hosts, [query.get('since') ?? '', ...filters.get('since')].filter(Boolean)),
  };
  const isNarrowed = filters.keys().length > 0;
  const found: Found[] = [];
  const engines = new Map<string, Host>();
  for (const host of hosts) {
    if (isNarrowed && !matchesHost(filters, host)) continue;
    // The same engine by another address, or one that was copied with its id.
    const twin = engines.get(host.facts?.engineId ?? '');
    if (host.facts) engines.set(host.facts.engineId, twin ?? host);
    for (const container of host.containers.values()) {
      if (twin?.containers.has(container.id)) continue;
      if (!all && !(container.state.Running && host.status === 'Healthy')) continue;
      // The manager's own containers, where it runs as one.
      if (!all && /^swarm(:[^/]*)?$/.test(container.image)) continue;
      const { Created } = container.listed;
      if (bounds.before !== undefined && Created >= bounds.before) continue;
      if (bounds.since !== undefined && Created <= bounds.since) continue;
      if (!isNarrowed || matches(filters, host, container)) found.push({ host, container });
    }
  }
  found.sort(newestFirst);
  const rows = limit > 0 ? found.slice(0, limit) : found;
  return `[${rows.map((each) => rowText(each, now)).join(',')}]`;
}

function newestFirst({ container: a }: Found, { container: b }: Found): number {
  return b.listed.Created - a.listed.Created || (a.name < b.name ? 1 : a.name > b.name ? -1 : 0);
}

function readFilters(query: URLSearchParams): Filters {
  const filters = parseFilters(query);
  for (const code of filters.get('exited')) {
    if (!/^-?\d+$/.test(code)) throw new ApiError(400, `invalid filter 'exited=${code}'`);
  }
  for (const name of ['publish', 'expose']) {
    for (const ports of filters.get(name))
      if (!PORTS.test(ports)) throw new ApiError(400, `invalid filter '${name}=${ports}'`);
  }
  return filters;
}

/** Creation time (seconds) of the container that is meant. @throws ApiError 404 */
function boundary(hosts: readonly Host[], references: readonly string[]): number | undefined {
  const [reference] = references;
  if (reference === undefined) return undefined;
  const found = findContainer(hosts, reference);
  if (!found) throw new ApiError(404, `No such container: ${reference}`);
  return found.container.listed.Created;
}

export function matchesHost(filters: Filters, host: Host): boolean {
  const wanted = filters.get('node');
  const names = [hostName(host), hostId(host), host.facts?.engineId ?? ''];
  return wanted.length === 0 || wanted.some((text) => names.includes(text));
}

function matches(filters: Filters, host: Host, record: ContainerRecord): boolean {
  const { state, listed } = record;
  const some = (key: string, holds: (value: string) => boolean): boolean => {
    const values = filters.get(key);
    return values.length === 0 || values.some(holds);
  };
  const networks = Object.entries(listed.NetworkSettings?.Networks ?? {});
  return (
    some(
      'id',
      (text) => record.id.startsWith(text) || (record.labels[SWARM_ID]?.startsWith(text) ?? false),
    ) &&
    some('name', (text) => isLike(record.name, text)) &&
    some(
      'exited',
      (code) => !state.Running && state.ExitCode === Number(code) && state.Status !== 'created',
    ) &&
    some('status', (text) => statesOf(host, record).includes(text)) &&
    some('health', (text) => (state.Health?.Status ?? 'none') === text) &&
    some(
      'is-task',
      (text) => Object.hasOwn(record.labels, TASK_LABEL) === (text === 'true' || text === '1'),
    ) &&
    some('volume', (text) =>
      (listed.Mounts ?? []).some(({ Name, Source, Destination }) =>
        [Name, Source, Destination].includes(text),
      ),
    ) &&
    some('network', (text) =>
      networks.some(([name, { NetworkID }]) => name === text || NetworkID?.startsWith(text)),
    ) &&
    some('ancestor', (text) => isOf(record, text)) &&
    some('publish', (text) => hasPort(listed, text, ({ PublicPort }) => PublicPort)) &&
    some('expose', (text) => hasPort(listed, text, ({ PrivatePort }) => PrivatePort)) &&
    filters.labels('label', record.labels)
  );
}

/** @param text `80`, `80/tcp`, `8000-8080/tcp`, as `readFilters` has let it through */
function hasPort(
  { Ports }: ListedContainer,
  text: string,
  portOf: (port: ListedPort) => number | undefined,
): boolean {
  const [, first, last, protocol = 'tcp'] = PORTS.exec(text)!;
  return (Ports ?? []).some((each) => {
    const port = portOf(each);
    return (
      port !== undefined &&
      port >= Number(first) &&
      port <= Number(last ?? first) &&
      (each.Type === '' || each.Type === protocol)
    );
  });
}
const PORTS = /^(\d+)(?:-(\d+))?(?:\/([a-z]+))?$/;

/** As engines read it: an expression, or else a part. */
export function isLike(name: string, text: string): boolean {
  try {
    // With the slash as well, as scripts write `^/web$`.
    return new RegExp(text).test(name) || new RegExp(text).test(`/${name}`);
  } catch {
    return name.includes(text);
  }
}

function isOf({ image, listed }: ContainerRecord, text: string): boolean {
  const id = listed.ImageID.replace(/^sha256:/, '');
  const asked = text.replace(/^sha256:/, '');
  return (
    image === text ||
    repository(image) === text ||
    `${image}:latest` === text ||
    (asked.length > 3 && id.startsWith(asked))
  );
}

function statesOf(host: Host, { state }: ContainerRecord): string[] {
  const own = state.Status === '' ? [] : [state.Status];
  return host.status === 'Healthy' ? own : [...own, 'Host Down'];
}

interface RowText {
  name: string;
  ip: string;
  /** All but its status, and the brace at its end. */
  text: string;
}
/** What of a row stays the same as long as the container does. */
const texts = new WeakMap<ContainerRecord, RowText>();

function rowText({ host, container }: Found, now: number): string {
  const name = hostName(host);
  let known = texts.get(container);
  if (known?.name !== name || known.ip !== host.ip) {
    const { listed, state, labels } = container;
    const { Status: _, ...row } = listed;
    const seen = {
      ...row,
      Names: listed.Names.map((each) => `/${name}${each}`),
      Labels: labels,
      Ports: distinct((listed.Ports ?? []).map((port) => withAddress(port, host))),
      State: state.Status || listed.State,
    };
    known = { name, ip: host.ip, text: JSON.stringify(seen).slice(0, -1) };
    texts.set(container, known);
  }
  const status = host.status === 'Healthy' ? statusText(container.state, now) : 'Host Down';
  return `${known.text},"Status":"${status}"}`;
}

/** A port of all the host's addresses is shown at the one by which the host is known. */
function withAddress(port: ListedPort, { ip }: Host): ListedPort {
  return port.IP === '0.0.0.0' || port.IP === '::' ? { ...port, IP: ip } : port;
}

/** What is bound in both families is shown once, as it has one address here. */
function distinct<T extends object>(ports: readonly T[]): T[] {
  return ports.length < 2
    ? [...ports]
    : [...new Map(ports.map((port) => [JSON.stringify(port), port])).values()];
}

/** An inspected container with its host, and the host's address in its ports. */
export function inspectedOn<T extends object>({ host }: Found, inspected: T): T {
  const { facts } = host;
  const seen = inspected as T & { NetworkSettings?: { Ports?: Record<string, Binding[] | null> | null } };
  const ports = Object.entries(seen.NetworkSettings?.Ports ?? {}).map(([port, bindings]) => [
    port,
    bindings &&
      distinct(
        bindings.map((binding) =>
          binding.HostIp === '0.0.0.0' || binding.HostIp === '::' ? { ...binding, HostIp: host.ip } : binding,
        ),
      ),
  ]);
  return {
    ...inspected,
    ...(seen.NetworkSettings && {
      NetworkSettings: { ...seen.NetworkSettings, Ports: Object.fromEntries(ports) },
    }),
    Node: {
      ID: hostId(host),
      IP: host.ip,
      Addr: host.address,
      Name: hostName(host),
      Cpus: facts?.cpus ?? 0,
      Memory: facts?.memory ?? 0,
      Labels: facts?.labels ?? {},
    },
  };
}

interface Binding {
  HostIp?: string;
  HostPort?: string;
}
