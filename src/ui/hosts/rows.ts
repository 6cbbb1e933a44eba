/** What is on the hosts, as rows of the live lists. Pure. */
import { STACK_LABEL } from '../../access/stack.ts';
import type { Host } from '../../fleet/contract.ts';
import type { ContainerRecord, ListedPort } from '../../fleet/records.ts';
import type { ContainerRow, ImageRow, VolumeRow } from '../protocol.ts';

const SERVICE = 'com.docker.swarm.service.name';
const TASK = 'com.docker.swarm.task.id';
/** What engines say of a time that was not. */
const NEVER = '0001-01-01T00:00:00Z';

/** Rows are made once for each record; the host's name and state may change without it. */
const made = new WeakMap<ContainerRecord, { of: string; row: ContainerRow }>();

export function containerRows(hosts: readonly Host[]): ContainerRow[] {
  return hosts.flatMap((host) => [...host.containers.values()].map((record) => containerRow(host, record)));
}

function containerRow(host: Host, record: ContainerRecord): ContainerRow {
  const of = `${host.key} ${nameOf(host)} ${host.status}`;
  const known = made.get(record);
  if (known?.of === of) return known.row;
  const { id, listed, labels, state } = record;
  const isOver = !state.Running && state.FinishedAt !== NEVER;
  const row: ContainerRow = {
    id: `${host.key}/${id}`,
    container: id,
    node: host.key,
    nodeName: nameOf(host),
    name: record.name,
    image: record.image.replace(/@sha256:[0-9a-f]{64}$/, ''),
    state: host.status === 'Healthy' ? state.Status : 'unknown',
    health: state.Health?.Status === 'none' ? undefined : state.Health?.Status,
    exitCode: isOver ? state.ExitCode : undefined,
    created: new Date(listed.Created * 1_000).toISOString(),
    at: isOver ? state.FinishedAt : state.Running ? state.StartedAt : '',
    ports: [...new Set((listed.Ports ?? []).flatMap(portText))].sort(),
    networks: Object.keys(listed.NetworkSettings?.Networks ?? {}),
    volumes: (listed.Mounts ?? []).flatMap(({ Name }) => Name || []),
    stack: labels[STACK_LABEL] || undefined,
    service: labels[SERVICE] || undefined,
    task: labels[TASK] || undefined,
  };
  made.set(record, { of, row });
  return row;
}

function portText({ IP, PublicPort, PrivatePort, Type }: ListedPort): string[] {
  if (PublicPort === undefined || IP === undefined) return [];
  return [`${PublicPort}→${PrivatePort}${Type === 'tcp' ? '' : `/${Type}`}`];
}

/** One row for each image, with all hosts that have it. */
export function imageRows(hosts: readonly Host[]): ImageRow[] {
  const rows = new Map<string, ImageRow>();
  for (const host of hosts) {
    const users = new Map<string, string[]>();
    for (const { name, listed } of host.containers.values())
      users.set(listed.ImageID, [...(users.get(listed.ImageID) ?? []), name]);
    for (const image of host.images) {
      const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
      const usedBy = users.get(image.Id) ?? [];
      // What others are made of, and nobody has named.
      if (tags.length === 0 && usedBy.length === 0 && isParent(image.Id, host)) continue;
      const row = rows.get(image.Id);
      const place = { node: host.key, name: nameOf(host) };
      if (!row)
        rows.set(image.Id, {
          id: image.Id,
          tags: tags.length > 0 ? tags : (image.RepoDigests ?? []).map((name) => name.replace(/@.*/, '')),
          size: image.Size,
          created: new Date(image.Created * 1_000).toISOString(),
          hosts: [place],
          usedBy,
        });
      else {
        row.hosts.push(place);
        row.tags = [...new Set([...row.tags, ...tags])];
        row.usedBy = [...row.usedBy, ...usedBy];
      }
    }
  }
  return [...rows.values()];
}

function isParent(id: string, { images }: Host): boolean {
  return images.some(({ ParentId }) => ParentId === id);
}

export function volumeRows(hosts: readonly Host[]): VolumeRow[] {
  return hosts.flatMap((host) => {
    const users = new Map<string, string[]>();
    for (const { name, listed } of host.containers.values())
      for (const { Name } of listed.Mounts ?? [])
        if (Name) users.set(Name, [...(users.get(Name) ?? []), name]);
    return host.volumes.map(({ Name, Driver, Labels, CreatedAt }) => ({
      id: `${host.key}/${Name}`,
      node: host.key,
      nodeName: nameOf(host),
      name: Name,
      driver: Driver,
      stack: Labels?.[STACK_LABEL] || undefined,
      created: typeof CreatedAt === 'string' ? CreatedAt : undefined,
      labels: { ...Labels },
      usedBy: users.get(Name) ?? [],
    }));
  });
}

/** What people call the host. */
export function nameOf({ facts, address }: Host): string {
  return facts?.name ?? address;
}
