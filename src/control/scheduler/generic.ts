/**
 * Generic resources: what a node has of a kind is either a number (discrete) or a set of names. Tasks ask for a number;
 * on a node with names they get as many of these.
 */
import type { GenericResource } from '../../model/spec.ts';

interface Stock {
  count: number;
  names: Set<string>;
}

export class GenericStock {
  private readonly kinds = new Map<string, Stock>();

  constructor(resources: readonly GenericResource[] | null | undefined = []) {
    this.add(resources ?? []);
  }

  copy(): GenericStock {
    const copy = new GenericStock();
    for (const [kind, { count, names }] of this.kinds) copy.kinds.set(kind, { count, names: new Set(names) });
    return copy;
  }

  add(resources: readonly GenericResource[]): void {
    for (const { kind, name, count } of resources.map(read)) {
      const stock = this.kinds.get(kind) ?? { count: 0, names: new Set() };
      this.kinds.set(kind, stock);
      if (name === undefined) stock.count += count;
      else stock.names.add(name);
    }
  }

  /** Takes away what a task has; it may be more than there is once a node's description has changed. */
  take(resources: readonly GenericResource[]): void {
    for (const { kind, name, count } of resources.map(read)) {
      const stock = this.kinds.get(kind) ?? { count: 0, names: new Set() };
      this.kinds.set(kind, stock);
      if (name === undefined) stock.count -= count;
      else stock.names.delete(name);
    }
  }

  /** True if all of these exact things are there. */
  holds(resources: readonly GenericResource[]): boolean {
    return resources.map(read).every(({ kind, name, count }) => {
      const stock = this.kinds.get(kind);
      return name === undefined ? (stock?.count ?? 0) >= count : stock?.names.has(name) === true;
    });
  }

  /**
   * What a task that asks for these would get; undefined if there is not enough. Takes nothing yet. A kind may be asked
   * for more than once: nothing is given twice, and who asks for a name comes before who asks for a number.
   */
  choose(wanted: readonly GenericResource[]): GenericResource[] | undefined {
    const left = this.copy();
    const chosen: GenericResource[] = [];
    const named = (resource: GenericResource): boolean => resource.NamedResourceSpec != null;
    const inTurn = [...wanted.filter(named), ...wanted.filter((resource) => !named(resource))];
    for (const resource of inTurn.map(read)) {
      const got = left.#choose(resource);
      if (!got) return undefined;
      left.take(got);
      chosen.push(...got);
    }
    return chosen;
  }

  #choose({ kind, name, count }: ReturnType<typeof read>): GenericResource[] | undefined {
    const stock = this.kinds.get(kind);
    if (name !== undefined) {
      return stock?.names.has(name) ? [{ NamedResourceSpec: { Kind: kind, Value: name } }] : undefined;
    }
    if (stock && stock.names.size > 0) {
      if (stock.names.size < count) return undefined;
      const names = [...stock.names].sort().slice(0, count);
      return names.map((Value) => ({ NamedResourceSpec: { Kind: kind, Value } }));
    }
    if ((stock?.count ?? 0) < count) return undefined;
    return count > 0 ? [{ DiscreteResourceSpec: { Kind: kind, Value: count } }] : [];
  }
}

function read(resource: GenericResource): { kind: string; name?: string; count: number } {
  const named = resource.NamedResourceSpec;
  if (named) return { kind: named.Kind ?? '', name: named.Value ?? '', count: 1 };
  return {
    kind: resource.DiscreteResourceSpec?.Kind ?? '',
    count: resource.DiscreteResourceSpec?.Value ?? 0,
  };
}
