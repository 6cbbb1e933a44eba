/** The live lists: of what each consists, and which of its rows a change of the store may change. Pure. */

import type { Right } from '../../access/actor.ts';
import { auditForm } from '../../access/routes.ts';
import { stackOf } from '../../access/stack.ts';
import type { Service, Task } from '../../model/objects.ts';
import type { StoreEvent, View } from '../../store/contract.ts';
import type { StateRows } from '../protocol.ts';
import {
  contentRow,
  contentsOf,
  memberRow,
  networkRow,
  nodeRow,
  placeRow,
  serviceRow,
  stackRow,
  taskRow,
  tileRow,
} from './rows.ts';

/** Changes of the audit that are kept in a list: what is older is asked for. */
const AUDIT_ROWS = 500;

type List = keyof StateRows;

interface ListSource<L extends List = List> {
  right: Right;
  /** The filters that it takes. */
  filters?: readonly string[];
  ids(view: View, filter: Filter): Iterable<string>;
  /** The ids of the rows that this may have changed. */
  dirty(event: StoreEvent, view: View): Iterable<string>;
  /** Undefined if there is no such row, or if the filter is against it. */
  row(id: string, view: View, filter: Filter): StateRows[L] | undefined;
}

export type Filter = Readonly<Record<string, string>>;

const both = <T>({ before, after }: { before?: T; after?: T }): T[] =>
  [before, after].filter((each) => each !== undefined);

/** Secrets and configs have rows of one kind. */
const content = <L extends 'secrets' | 'configs'>(kind: 'secret' | 'config'): ListSource<L> => ({
  right: 'see',
  *ids(view) {
    for (const { ID } of view.all(kind)) yield ID;
  },
  dirty(event) {
    if (event.kind === kind) return [event.id];
    return event.kind === 'service' ? both<Service>(event).flatMap((each) => contentsOf(each, kind)) : [];
  },
  row: (id, view) => contentRow(kind, id, view) as StateRows[L] | undefined,
});

const isOn = ({ NetworksAttachments }: Task, network: string | undefined): boolean =>
  (NetworksAttachments ?? []).some(({ Network }) => Network.ID === network);

const stackOfTask = (task: Task): string | undefined => stackOf(task.internal.service);

const LISTS: { [L in List]: ListSource<L> } = {
  services: {
    right: 'see',
    filters: ['stack'],
    *ids(view) {
      for (const { ID } of view.all('service')) yield ID;
    },
    dirty(event) {
      if (event.kind === 'service') return [event.id];
      return event.kind === 'task' ? both<Task>(event).map(({ ServiceID }) => ServiceID) : [];
    },
    row(id, view, { stack }) {
      const service = view.get('service', id);
      if (!service || (stack !== undefined && stackOf(service.Spec) !== stack)) return undefined;
      return serviceRow(service, view);
    },
  },
  tasks: {
    right: 'see',
    filters: ['service', 'node', 'stack', 'id'],
    *ids(view, { service, node, id }) {
      if (id !== undefined) yield id;
      else if (service !== undefined) for (const { ID } of view.tasksOfService(service)) yield ID;
      else if (node !== undefined) for (const { ID } of view.tasksOfNode(node)) yield ID;
      else for (const { ID } of view.all('task')) yield ID;
    },
    dirty(event, view) {
      if (event.kind === 'task') return [event.id];
      // With another spec, what was made of the last one is old.
      if (event.kind === 'service') {
        const { before, after } = event as { before?: Service; after?: Service };
        const isSame = before?.internal.specVersion === after?.internal.specVersion;
        return isSame ? [] : [...view.tasksOfService(event.id)].map(({ ID }) => ID);
      }
      const isRenamed =
        event.kind === 'node' && event.before?.Description?.Hostname !== event.after?.Description?.Hostname;
      return isRenamed ? [...view.tasksOfNode(event.id)].map(({ ID }) => ID) : [];
    },
    row(id, view, filter) {
      const task = view.get('task', id);
      if (!task) return undefined;
      if (filter.id !== undefined && filter.id !== id) return undefined;
      if (filter.service !== undefined && task.ServiceID !== filter.service) return undefined;
      if (filter.node !== undefined && task.NodeID !== filter.node) return undefined;
      if (filter.stack !== undefined && stackOfTask(task) !== filter.stack) return undefined;
      return taskRow(task, view);
    },
  },
  nodes: {
    right: 'see',
    *ids(view) {
      for (const { ID } of view.all('node')) yield ID;
    },
    dirty(event) {
      if (event.kind === 'node') return [event.id];
      return event.kind === 'task' ? both<Task>(event).flatMap(({ NodeID }) => NodeID ?? []) : [];
    },
    row(id, view) {
      const node = view.get('node', id);
      return node && nodeRow(node, view);
    },
  },
  tiles: {
    right: 'wall',
    *ids(view) {
      for (const { ID } of view.all('task')) yield ID;
    },
    dirty: (event) => (event.kind === 'task' ? [event.id] : []),
    row(id, view) {
      const task = view.get('task', id);
      return task && tileRow(task, view);
    },
  },
  places: {
    right: 'wall',
    *ids(view) {
      for (const { ID } of view.all('node')) yield ID;
    },
    dirty: (event) => (event.kind === 'node' ? [event.id] : []),
    row(id, view) {
      const node = view.get('node', id);
      return node && placeRow(node, view);
    },
  },
  stacks: {
    right: 'see',
    ids: (view) => new Set([...view.all('service')].flatMap(({ Spec }) => stackOf(Spec) ?? [])),
    dirty(event) {
      if (event.kind === 'service') return both<Service>(event).flatMap(({ Spec }) => stackOf(Spec) ?? []);
      if (event.kind === 'task') return both<Task>(event).flatMap((each) => stackOfTask(each) ?? []);
      return event.kind === 'stackRevision' ? both(event).map(({ stack }) => stack) : [];
    },
    row: (id, view) => stackRow(id, view),
  },
  networks: {
    right: 'see',
    *ids(view) {
      for (const { ID } of view.all('network')) yield ID;
    },
    dirty(event, view) {
      if (event.kind === 'network') return [event.id];
      return event.kind === 'service' ? [...view.all('network')].map(({ ID }) => ID) : [];
    },
    row: (id, view) => networkRow(id, view),
  },
  members: {
    right: 'see',
    filters: ['network'],
    *ids(view, { network }) {
      for (const task of view.all('task')) if (isOn(task, network)) yield task.ID;
      for (const { ID, NetworkID } of view.all('attachment')) if (NetworkID === network) yield ID;
    },
    dirty: (event) => (event.kind === 'task' || event.kind === 'attachment' ? [event.id] : []),
    row: (id, view, { network = '' }) => memberRow(id, network, view),
  },
  secrets: content('secret'),
  configs: content('config'),
  audit: {
    right: 'operate',
    ids: (view) => [...view.all('auditEntry')].slice(-AUDIT_ROWS).map(({ ID }) => ID),
    dirty: (event) => (event.kind === 'auditEntry' && event.after ? [event.id] : []),
    row(id, view) {
      const entry = view.get('auditEntry', id);
      return entry && { ...auditForm(entry), version: entry.Version.Index };
    },
  },
};

export interface Channel {
  name: string;
  list: ListSource;
  filter: Filter;
}

/** Reads a channel's name, `tasks?service=ID`; undefined if there is no such list or filter. */
export function channelNamed(name: string): Channel | undefined {
  const [list = '', query = ''] = name.split('?', 2);
  if (!Object.hasOwn(LISTS, list)) return undefined;
  const source = LISTS[list as List] as ListSource;
  const filter = Object.fromEntries(new URLSearchParams(query));
  const isKnown = Object.keys(filter).every((key) => source.filters?.includes(key));
  return isKnown ? { name, list: source, filter } : undefined;
}
