/** Changes of the cluster as Docker's event stream tells them. */
import type { Node, Service } from '../../model/objects.ts';
import type { StoreEvent } from '../../store/contract.ts';
import type { Filters } from '../filters.ts';

export type ClusterEventType = 'node' | 'service' | 'network' | 'secret' | 'config';

export interface ClusterEvent {
  Type: ClusterEventType;
  Action: 'create' | 'update' | 'remove';
  ID: string;
  attributes: Record<string, string>;
  /** Milliseconds since the epoch. */
  at: number;
}

/** The event of a change, undefined if it is of a kind that is not told (tasks are told by their containers). */
export function clusterEvent(change: StoreEvent, now: number): ClusterEvent | undefined {
  const { kind, id } = change;
  if (
    kind === 'cluster' ||
    kind === 'task' ||
    kind === 'credential' ||
    kind === 'oldContent' ||
    kind === 'attachment'
  )
    return undefined;
  const object = change.after ?? change.before;
  if (object === undefined) return undefined;
  const Action = change.after === undefined ? 'remove' : change.before === undefined ? 'create' : 'update';
  const attributes: Record<string, string> = { name: nameOf(change) };
  if (change.before !== undefined && change.after !== undefined) {
    if (kind === 'node') nodeChanges(change.before, change.after, attributes);
    if (kind === 'service') serviceChanges(change.before, change.after, attributes);
  }
  const written = Date.parse(Action === 'create' ? object.CreatedAt : object.UpdatedAt);
  return {
    Type: kind,
    Action,
    ID: id,
    attributes,
    at: Action === 'remove' || Number.isNaN(written) ? now : written,
  };
}

/** Docker's line of the stream. Nanoseconds do not fit a number, so they are written as digits. */
export function eventLine({ Type, Action, ID, attributes, at }: ClusterEvent): string {
  const head = {
    Type,
    Action,
    Actor: { ID, Attributes: attributes },
    scope: 'swarm',
    time: Math.floor(at / 1000),
  };
  return `${JSON.stringify(head).slice(0, -1)},"timeNano":${at}000000}\n`;
}

/** Docker matches names and ids of every kind asked for against every event, whatever that event's own kind. */
const NAMED = [
  ...['daemon', 'container', 'plugin', 'volume', 'network'],
  ...['node', 'service', 'secret', 'config'],
];

export function matches(event: ClusterEvent, filters: Filters): boolean {
  const name = event.attributes.name ?? '';
  return (
    filters.exact('type', event.Type) &&
    filters.exact('scope', 'swarm') &&
    filters.exact('event', event.Action) &&
    filters.exact('image', event.ID) &&
    filters.labels('label', event.attributes) &&
    NAMED.every((key) => filters.prefix(key, event.ID, name))
  );
}

/** Whether no event of the cluster could pass: then the engine's own stream is all there is to say. */
export function excludesCluster(filters: Filters): boolean {
  const types: readonly ClusterEventType[] = ['node', 'service', 'network', 'secret', 'config'];
  return !filters.exact('scope', 'swarm') || !types.some((type) => filters.exact('type', type));
}

function nameOf(change: StoreEvent): string {
  const object = change.after ?? change.before;
  const spec = (object as { Spec?: { Name?: string | null } }).Spec;
  if (spec?.Name) return spec.Name;
  return change.kind === 'node' ? ((object as Node).Description?.Hostname ?? '') : '';
}

function nodeChanges(before: Node, after: Node, attributes: Record<string, string>): void {
  const availability = (node: Node): string => node.Spec.Availability || 'active';
  const role = (node: Node): string => node.Spec.Role || 'worker';
  differ('availability', availability(before), availability(after), attributes);
  differ('role', role(before), role(after), attributes);
  differ('state', before.Status.State, after.Status.State, attributes);
  const [old, now] = [before.ManagerStatus, after.ManagerStatus];
  if (!old || !now) return;
  differ('leader', String(old.Leader ?? false), String(now.Leader ?? false), attributes);
  differ('reachability', old.Reachability, now.Reachability, attributes);
}

function serviceChanges(before: Service, after: Service, attributes: Record<string, string>): void {
  const image = (service: Service): string => service.Spec.TaskTemplate?.ContainerSpec?.Image ?? '';
  const replicas = ({ Spec }: Service): string | undefined =>
    Spec.Mode?.Replicated || !Spec.Mode ? String(Spec.Mode?.Replicated?.Replicas ?? 1) : undefined;
  differ('image', image(before), image(after), attributes);
  differ('replicas', replicas(before), replicas(after), attributes);
  const [old, now] = [before.UpdateStatus?.State, after.UpdateStatus?.State];
  if (now === undefined || now === old) return;
  if (old !== undefined) attributes['updatestate.old'] = old;
  attributes['updatestate.new'] = now;
}

function differ(
  name: string,
  before: string | undefined,
  after: string | undefined,
  attributes: Record<string, string>,
): void {
  if (before === undefined || after === undefined || before === after) return;
  attributes[`${name}.old`] = before;
  attributes[`${name}.new`] = after;
}
