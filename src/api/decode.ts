/** JSON into the shape of a schema, by the rules and with the error texts of Go's decoder. */
import { ApiError } from '../model/errors.ts';
import type { Static, TSchema } from '../model/schema.ts';
import { JsonError, type JsonObject, type JsonValue, parseJson } from './json.ts';

/** The parts of a JSON schema that specs are made of. */
interface Shape {
  type?: string;
  anyOf?: Shape[];
  items?: Shape;
  properties?: Record<string, Shape>;
  patternProperties?: Record<string, Shape>;
}

/**
 * Decodes a body: fields that the schema does not know are dropped, names match exactly or else without regard to
 * case, the last of several wins, `null` stays where the schema takes it. `type` names the value in messages.
 * Throws ApiError 400.
 */
export function decodeJson<T extends TSchema>(text: string, schema: T, type: string): Static<T> {
  try {
    return new Decoder(type).decode(parseJson(text), schema as Shape, []) as Static<T>;
  } catch (error) {
    if (error instanceof JsonError) throw new ApiError(400, `invalid JSON: ${error.message}`);
    throw error;
  }
}

class Decoder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  decode(value: JsonValue, schema: Shape, path: readonly string[]): unknown {
    const shape = schema.anyOf?.find((option) => option.type !== 'null') ?? schema;
    if (value === null) return schema.anyOf?.some((option) => option.type === 'null') ? null : zero(shape);
    if (shape.type === 'string' && typeof value === 'string') return value;
    if (shape.type === 'boolean' && typeof value === 'boolean') return value;
    if (typeof value === 'object') {
      if (value.type === 'number' && (shape.type === 'integer' || shape.type === 'number')) {
        return this.#number(value.source, shape, path);
      }
      if (value.type === 'array' && shape.type === 'array') {
        return value.items.map((item) => this.decode(item, shape.items ?? {}, path));
      }
      if (value.type === 'object' && shape.type === 'object') {
        const values = Object.values(shape.patternProperties ?? {})[0];
        return values ? this.#map(value, values, path) : this.#struct(value, shape.properties ?? {}, path);
      }
    }
    throw this.#mismatch(kindOf(value), shape, path);
  }

  #map(value: JsonObject, shape: Shape, path: readonly string[]): unknown {
    return Object.fromEntries(value.entries.map(([key, item]) => [key, this.decode(item, shape, path)]));
  }

  #struct(value: JsonObject, properties: Record<string, Shape>, path: readonly string[]): unknown {
    const result: Record<string, unknown> = {};
    for (const [key, item] of value.entries) {
      const name = fieldName(key, properties);
      if (name !== undefined) result[name] = this.decode(item, properties[name]!, [...path, name]);
    }
    return result;
  }

  #number(source: string, shape: Shape, path: readonly string[]): number {
    const number = Number(source);
    const type = goType(shape, path.at(-1));
    const fits =
      shape.type === 'integer'
        ? /^-?\d+$/.test(source) && Number.isSafeInteger(number) && inRange(number, type)
        : Number.isFinite(number);
    if (!fits) throw this.#mismatch(`number ${source}`, shape, path);
    return number;
  }

  #mismatch(found: string, shape: Shape, path: readonly string[]): ApiError {
    const type = goType(shape, path.at(-1) ?? this.#root);
    const struct = structName(path.at(-2) ?? this.#root);
    const where = path.length === 0 ? 'Go value' : `Go struct field ${struct}.${path.join('.')}`;
    return new ApiError(400, `invalid JSON: json: cannot unmarshal ${found} into ${where} of type ${type}`);
  }
}

function fieldName(key: string, properties: Record<string, Shape>): string | undefined {
  if (Object.hasOwn(properties, key)) return key;
  const folded = key.toLowerCase();
  return Object.keys(properties).find((name) => name.toLowerCase() === folded);
}

/** What Go leaves in a value that was given as null. */
function zero(shape: Shape): unknown {
  if (shape.type === 'string') return '';
  if (shape.type === 'boolean') return false;
  if (shape.type === 'array') return [];
  return shape.type === 'object' ? {} : 0;
}

function kindOf(value: Exclude<JsonValue, null>): string {
  if (typeof value === 'object') return value.type;
  return typeof value === 'boolean' ? 'bool' : 'string';
}

const UINT64 = [
  ...['Replicas', 'MaxReplicas', 'MaxConcurrent', 'TotalCompletions'],
  ...['Parallelism', 'MaxAttempts', 'ForceUpdate', 'ForceRotate'],
  ...['SnapshotInterval', 'KeepOldSnapshots', 'LogEntriesForSlowFollowers'],
];
const UINT32 = ['TargetPort', 'PublishedPort', 'DataPathPort', 'SubnetSize', 'Mode'];
const DURATIONS = [
  ...['Delay', 'Monitor', 'Window', 'Interval', 'Timeout', 'StartPeriod', 'StartInterval'],
  ...['StopGracePeriod', 'HeartbeatPeriod', 'NodeCertExpiry'],
];
/** Go's names of structs, where they differ from the field that holds them. */
const STRUCTS: Record<string, string> = {
  TaskTemplate: 'TaskSpec',
  Mode: 'ServiceMode',
  Replicated: 'ReplicatedService',
  ReplicatedJob: 'ReplicatedJob',
  Limits: 'Limit',
  Mounts: 'Mount',
  Ports: 'PortConfig',
  Networks: 'NetworkAttachmentConfig',
  Resources: 'ResourceRequirements',
  RollbackConfig: 'UpdateConfig',
  LogDriver: 'Driver',
  Healthcheck: 'HealthConfig',
  Secrets: 'SecretReference',
  Configs: 'ConfigReference',
  Orchestration: 'OrchestrationConfig',
  Raft: 'RaftConfig',
  Dispatcher: 'DispatcherConfig',
};

function structName(field: string): string {
  return Object.hasOwn(STRUCTS, field) ? STRUCTS[field]! : field;
}

function goType(shape: Shape, field = ''): string {
  if (shape.anyOf) return goType(shape.anyOf.find((option) => option.type !== 'null') ?? {}, field);
  if (shape.type === 'boolean') return 'bool';
  if (shape.type === 'number') return 'float32';
  if (shape.type === 'integer') {
    if (UINT64.includes(field)) return 'uint64';
    if (UINT32.includes(field)) return 'uint32';
    return DURATIONS.includes(field) ? 'time.Duration' : 'int64';
  }
  if (shape.type === 'array') return `[]${goType(shape.items ?? {}, field)}`;
  if (shape.type === 'object') {
    const values = Object.values(shape.patternProperties ?? {})[0];
    return values ? `map[string]${goType(values)}` : `swarm.${structName(field)}`;
  }
  return field === 'Data' ? '[]uint8' : 'string';
}

function inRange(number: number, type: string): boolean {
  if (type === 'uint32') return number >= 0 && number <= 0xffffffff;
  return type !== 'uint64' || number >= 0;
}
