/** What a template sees: the service, the node and the task, as Docker's structs. */
import { type Bytes, bytesOf } from './bytes.ts';
import type { Labels, Pointer, Struct, Value } from './value.ts';

export interface TemplateContext {
  Service: { ID: string; Name: string; Labels: Record<string, string> };
  Node: { ID: string; Hostname: string; Platform: { Architecture: string; OS: string } };
  /** Slot: the number of the slot, or the node's id for a task that has none. */
  Task: { ID: string; Name: string; Slot: string };
}

const NO_METHODS: Struct['methods'] = new Map();

/** The dot of a placeholder. `expand` is what its method Expand does. */
export function contextValue(context: TemplateContext, expand: (text: Bytes) => Bytes): Pointer {
  return { kind: 'pointer', type: '*template.Context', to: contextStruct(context, expand) };
}

/** The dot of a secret's or config's content: what is not for templates is there too, and hidden. */
export function payloadValue(
  context: TemplateContext,
  expandPlain: (text: Bytes) => Bytes,
  expand: (text: Bytes) => Bytes,
): Pointer {
  const hidden = (name: Bytes, value: Value) => ({ name, value, hidden: true });
  const pointer = (type: Bytes): Pointer => ({ kind: 'pointer', type, to: undefined });
  const to: Struct = {
    kind: 'struct',
    type: 'template.PayloadContext',
    fields: [
      { name: 'Context', value: contextStruct(context, expandPlain), embedded: true },
      hidden('t', pointer('*api.Task')),
      hidden('restrictedSecrets', pointer('*secrets.taskRestrictedSecretsProvider')),
      hidden('restrictedConfigs', pointer('*configs.taskRestrictedConfigsProvider')),
      hidden('sensitive', false),
    ],
    methods: new Map([['Expand', expand]]),
  };
  return { kind: 'pointer', type: '*template.PayloadContext', to };
}

function contextStruct({ Service, Node, Task }: TemplateContext, expand: (text: Bytes) => Bytes): Struct {
  const platform = struct('template.Platform', strings(Node.Platform, 'Architecture', 'OS'));
  const service = struct('struct { ID string; Name string; Labels map[string]string }', {
    ...strings(Service, 'ID', 'Name'),
    Labels: labels(Service.Labels),
  });
  const node = struct('struct { ID string; Hostname string; Platform template.Platform }', {
    ...strings(Node, 'ID', 'Hostname'),
    Platform: platform,
  });
  const task = struct('struct { ID string; Name string; Slot string }', strings(Task, 'ID', 'Name', 'Slot'));
  const all = struct('template.Context', { Service: service, Node: node, Task: task });
  return { ...all, methods: new Map([['Expand', expand]]) };
}

function struct(type: Bytes, fields: Record<string, Value>): Struct {
  const list = Object.entries(fields).map(([name, value]) => ({ name, value }));
  return { kind: 'struct', type, fields: list, methods: NO_METHODS };
}

function strings<K extends string>(of: Readonly<Record<K, string>>, ...names: K[]): Record<string, Value> {
  return Object.fromEntries(names.map((name) => [name, bytesOf(of[name])]));
}

function labels(of: Readonly<Record<string, string>>): Labels {
  const entries = Object.entries(of).map(([key, value]) => [bytesOf(key), bytesOf(value)] as const);
  return { kind: 'map', entries: new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))) };
}
