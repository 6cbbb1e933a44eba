/** A binary heap whose smallest item changes its rank in place. */
export class Heap<T> {
  private readonly items: T[];
  private readonly less: (a: T, b: T) => boolean;

  constructor(items: Iterable<T>, less: (a: T, b: T) => boolean) {
    this.items = [...items];
    this.less = less;
    for (let index = (this.items.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[0];
  }

  pop(): T | undefined {
    const first = this.items[0];
    const last = this.items.pop();
    if (this.items.length > 0) {
      this.items[0] = last!;
      this.sink(0);
    }
    return first;
  }

  /** To be called after the smallest item has grown. */
  settle(): void {
    if (this.items.length > 0) this.sink(0);
  }

  private sink(from: number): void {
    const { items } = this;
    const item = items[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.less(items[child + 1]!, items[child]!)) child++;
      if (!this.less(items[child]!, item)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
