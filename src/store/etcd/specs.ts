/** The specs of tasks that are in etcd, and by how many tasks each is used: one that none uses is not kept. */
import type { TaskSpec } from '../../model/spec.ts';
import type { StoreEvent } from '../contract.ts';
import { type SpecRow, specRow } from '../encoding/task-spec.ts';

export class SpecUses {
  readonly #used = new Map<string, { spec: TaskSpec; tasks: number }>();

  get(digest: string): TaskSpec | undefined {
    return this.#used.get(digest)?.spec;
  }

  /** One that is there for tasks which are about to be told of. */
  learn(digest: string, spec: TaskSpec): void {
    if (!this.#used.has(digest)) this.#used.set(digest, { spec, tasks: 0 });
  }

  /** What has to be written and removed with those events. */
  changes(events: Iterable<Pick<StoreEvent, 'kind' | 'before' | 'after'>>): {
    puts: SpecRow[];
    drops: string[];
  } {
    const puts: SpecRow[] = [];
    const drops: string[] = [];
    for (const [digest, { row, by }] of difference(events)) {
      const tasks = this.#used.get(digest)?.tasks ?? 0;
      if (tasks === 0 && by > 0) puts.push(row);
      else if (tasks > 0 && tasks + by === 0) drops.push(digest);
    }
    return { puts, drops };
  }

  apply(events: Iterable<StoreEvent>): void {
    for (const [digest, { spec, by }] of difference(events)) {
      const tasks = (this.#used.get(digest)?.tasks ?? 0) + by;
      if (tasks > 0) this.#used.set(digest, { spec, tasks });
      else this.#used.delete(digest);
    }
  }
}

/** By how many tasks more each spec is used afterwards. */
function difference(
  events: Iterable<Pick<StoreEvent, 'kind' | 'before' | 'after'>>,
): Map<string, { spec: TaskSpec; row: SpecRow; by: number }> {
  const found = new Map<string, { spec: TaskSpec; row: SpecRow; by: number }>();
  const count = (spec: TaskSpec, by: number): void => {
    const row = specRow(spec);
    const entry = found.get(row.digest) ?? { spec, row, by: 0 };
    entry.by += by;
    found.set(row.digest, entry);
  };
  for (const event of events) {
    if (event.kind !== 'task') continue;
    const { before, after } = event as StoreEvent & { kind: 'task' };
    if (before?.Spec === after?.Spec) continue;
    if (after) count(after.Spec, +1);
    if (before) count(before.Spec, -1);
  }
  return found;
}
