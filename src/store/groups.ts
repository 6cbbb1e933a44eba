/** Objects grouped by a key, each group in the order in which objects entered it. */
export class Groups<T> {
  readonly #groups = new Map<string, Map<string, T>>();

  of(key: string): IterableIterator<T> {
    return this.#groups.get(key)?.values() ?? [].values();
  }

  /** Puts object `id` under key `to` as `object`, taking it away from `from`; an absent key is no group. */
  move(id: string, from: string | undefined, to: string | undefined, object: T | undefined): void {
    if (from && from !== to) {
      const group = this.#groups.get(from);
      group?.delete(id);
      if (group?.size === 0) this.#groups.delete(from);
    }
    if (!to || object === undefined) return;
    const group = this.#groups.get(to);
    if (group) group.set(id, object);
    else this.#groups.set(to, new Map([[id, object]]));
  }
}
