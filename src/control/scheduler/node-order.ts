/** Nodes by their number of tasks. A change costs the same, however many there are. */
export class NodeOrder {
  readonly #tasks = new Map<string, number>();
  readonly #byTasks: Array<Set<string> | undefined> = [];

  has(id: string): boolean {
    return this.#tasks.has(id);
  }

  /** The node has that many tasks from now on. */
  set(id: string, tasks: number): void {
    const before = this.#tasks.get(id);
    if (before === tasks) return;
    if (before !== undefined) this.#byTasks[before]!.delete(id);
    this.#tasks.set(id, tasks);
    const others = this.#byTasks[tasks];
    if (others) others.add(id);
    else this.#byTasks[tasks] = new Set([id]);
  }

  delete(id: string): void {
    const tasks = this.#tasks.get(id);
    if (tasks === undefined) return;
    this.#tasks.delete(id);
    this.#byTasks[tasks]!.delete(id);
  }

  /** The ids of all nodes, the emptiest first; `instead` says otherwise of some of them, and has no others. */
  *emptiest(instead: NodeOrder): IterableIterator<string> {
    const most = Math.max(this.#byTasks.length, instead.#byTasks.length);
    for (let tasks = 0; tasks < most; tasks++) {
      for (const id of this.#byTasks[tasks] ?? []) if (!instead.has(id)) yield id;
      for (const id of instead.#byTasks[tasks] ?? []) if (this.has(id)) yield id;
    }
  }
}
