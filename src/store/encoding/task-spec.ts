/** The spec of a task, which all tasks of its service share and which is most of it, is kept once, named by its digest. */
import { hash } from 'node:crypto';
import type { TaskSpec } from '../../model/spec.ts';

export interface SpecRow {
  digest: string;
  body: string;
}

const rows = new WeakMap<TaskSpec, SpecRow>();

/** The row for a task's spec: the same one for the same object. */
export function specRow(spec: TaskSpec): SpecRow {
  let row = rows.get(spec);
  if (!row) {
    const body = JSON.stringify(spec);
    row = { digest: digestOf(body), body };
    rows.set(spec, row);
  }
  return row;
}

/** Throws if the row is not what was written. */
export function decodeSpec({ digest, body }: SpecRow): TaskSpec {
  if (digestOf(body) !== digest) throw new Error('its checksum is wrong');
  return JSON.parse(body);
}

function digestOf(body: string): string {
  return hash('sha256', body, 'base64url');
}
