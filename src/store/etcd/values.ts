/**
 * Objects as etcd keeps them: a line with what is not in the object, then its JSON, encrypted where it is secret. Which
 * revision an object is at is known when it is read, from etcd; one that was copied from elsewhere says it itself.
 */
import type { Task } from '../../model/objects.ts';
import { seal, unseal } from '../../model/sealed.ts';
import type { TaskSpec } from '../../model/spec.ts';
import type { Kind, Kinds } from '../contract.ts';
import { isSecret } from '../encoding/secret-kinds.ts';
import { specRow } from '../encoding/task-spec.ts';

/**
 * @param index the object's place among those that its transaction has created
 * @param at the version that it has from elsewhere, instead of the revision at which this is written
 */
export function encodeValue<K extends Kind>(
  kind: K,
  object: Kinds[K],
  index: number,
  key: Buffer,
  at?: number,
): Buffer {
  const version = at === undefined ? '' : ` ${at}`;
  if (isSecret(kind)) {
    const sealed = seal(JSON.stringify(object), place(kind, object.ID, index), key);
    return Buffer.concat([Buffer.from(`${index} ${version}\n`), sealed]);
  }
  if (kind !== 'task') return Buffer.from(`${index} ${version}\n${JSON.stringify(object)}`);
  const { digest } = specRow((object as Task).Spec);
  return Buffer.from(`${index} ${digest}${version}\n${JSON.stringify({ ...object, Spec: undefined })}`);
}

export interface Value {
  object: Kinds[Kind];
  index: number;
}

/** Throws if it is not what was written for that object. */
export function decodeValue(
  { kind, id, value, revision }: { kind: Kind; id: string; value: Buffer; revision: number },
  key: Buffer,
  specOf: (digest: string) => TaskSpec | undefined,
): Value {
  const end = value.indexOf('\n');
  const [index, digest, at] = value.toString('latin1', 0, end).split(' ');
  const body = value.subarray(end + 1);
  const text = isSecret(kind) ? unseal(body, place(kind, id, Number(index)), key) : body.toString();
  const object: Kinds[Kind] = JSON.parse(text);
  if (object.ID !== id) throw new Error('it belongs to another key');
  object.Version = { Index: at === undefined ? revision : Number(at) };
  if (kind === 'task') {
    const spec = specOf(digest ?? '');
    if (!spec) throw new Error('its spec is missing');
    (object as Task).Spec = spec;
  }
  return { object, index: Number(index) };
}

function place(kind: Kind, id: string, index: number): string {
  return `${kind}\0${id}\0${index}`;
}
