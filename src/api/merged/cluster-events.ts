/** Changes of the cluster as Docker's event stream tells them. */
import { isDeepStrictEqual } from 'node:util';
import type { Node, Service } from '../../model/objects.ts';
import type { EventOf, Kind, StoreEvent } from '../../store/contract.ts';
import type { Filters } from '../filters.ts';
import { SECOND } from './event-times.ts';

export type ClusterEventType = 'node' | 'service' | 'network' | 'secret' | 'config';

/** A change that is told of. */
export interface ClusterChange {
  Type: ClusterEventType;
  Action: 'create' | 'update' | 'remove';
  ID: string;
  attributes: Record<string, string>;
}

export interface ClusterEvent extends ClusterChange {
  /** When it happened, in nanoseconds since the epoch. */
  timeNano: bigint;
}

const TOLD: ReadonlySet<Kind> = new Set<ClusterEventType>(['node', 'service', 'network', 'secret', 'config']);

function isTold(change: StoreEvent): change is { [K in ClusterEventType]: EventOf<K> }[ClusterEventType] {
  return TOLD.has(change.kind);
}

/** What is told of a change of the store; undefined if nothing is (tasks are told of by their containers). */
export function clusterChange(change: StoreEvent): ClusterChange | undefined {
  if (!isTold(change)) return undefined;
  const { kind, id } = change;
  const Action = change.after === undefined ? 'remove' : change.before === undefined ? 'create' : 'update';
  const attributes: Record<string, string> = { name: nameOf(change) };
  if (change.before !== undefined && change.after !== undefined) {
    if (kind === 'node') {
      if (isInternal(change.before, change.after)) return undefined;
      nodeChanges(change.before, change.after, attributes);
    }
    if (kind === 'service') {
      if (isInternal(change.before, change.after)) return undefined;
      serviceChanges(change.before, change.after, attributes);
    }
  }
  return { Type: kind, Action, ID: id, attributes };
}

/** Docker's line of the stream. Nanoseconds are written as digits. */
export function eventLine({ Type, Action, ID, attributes, timeNano }: ClusterEvent): string {
  const head = {
    Type,
    Action,
    Actor: { ID, Attributes: attributes },
    scope: 'swarm',
    time: Number(timeNano / SECOND),
  };
  return `${JSON.stringify(head).slice(0, -1)},"timeNano":${timeNano}}\n`;
}

/**
 * Whether a node or service was written only for what nobody but the cluster knows of it, such as a host's addresses in
 * networks. A user's update is told of even if it changes nothing, as by Docker.
 */
function isInternal<T extends Node | Service>(before: T, after: T): boolean {
  if (before.internal.specAfter !== after.internal.specAfter) return false;
  return isDeepStrictEqual(shown(before), shown(after));
}

function shown(object: Node | Service): object {
  const { Version: _, UpdatedAt: __, internal: ___, ...rest } = object;
  if (!('Description' in rest)) return rest;
  const { Routes: ____, ...Description } = { ...rest.Description };
  return { ...rest, Description };
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

/**
 * Whether neither an event of the cluster nor one of the host's networks, which are told of as overlays, could pass: then
 * the engine's own stream is all there is to say.
 */
export function isEnginesOwn(filters: Filters): boolean {
  const types: readonly ClusterEventType[] = ['node', 'service', 'secret', 'config'];
  const ofCluster = filters.exact('scope', 'swarm') && types.some((type) => filters.exact('type', type));
  return !ofCluster && !filters.exact('type', 'network');
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
