/** Tasks of one service have much in common: read from disk, they share it, which halves what they take in memory. */
import type { Task } from '../model/objects.ts';

export class TaskInterner {
  readonly #shared = new Map<string, { json: string; value: unknown }>();
  readonly #ids = new Map<string, string>();

  /** Replaces parts of the task, which nobody else may have yet, by equal ones of tasks before it. */
  intern(task: Task): void {
    const { internal } = task;
    const key = `${task.ServiceID}/${internal.specVersion}/`;
    internal.service = this.#share(`${key}service`, internal.service);
    if (internal.endpoint) internal.endpoint = this.#share(`${key}endpoint`, internal.endpoint);
    if (internal.contents) internal.contents = this.#share(`${key}contents`, internal.contents);
    task.ServiceID = this.#sameId(task.ServiceID);
    if (task.NodeID) task.NodeID = this.#sameId(task.NodeID);
  }

  #share<T>(key: string, value: T): T {
    const json = JSON.stringify(value);
    const shared = this.#shared.get(key);
    if (shared?.json === json) return shared.value as T;
    this.#shared.set(key, { json, value });
    return value;
  }

  #sameId(id: string): string {
    const same = this.#ids.get(id);
    if (same !== undefined) return same;
    this.#ids.set(id, id);
    return id;
  }
}
