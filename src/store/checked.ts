/** A transaction held against the view that it was decided on. */
import {
  type Compare,
  ConflictError,
  type Kind,
  type Kinds,
  type StoreEvent,
  type Transaction,
  type View,
} from './contract.ts';

/** A change with what was there before; `object` absent: deleted. */
export interface Checked {
  kind: Kind;
  id: string;
  before: Kinds[Kind] | undefined;
  object: Kinds[Kind] | undefined;
}

/** The transaction's changes, which may be made to that view. @throws ConflictError, or Error for one that can never be made */
export function check(view: View, { changes, require = [] }: Transaction): Checked[] {
  for (const compare of require) compared(view, compare);
  const seen = new Set<string>();
  return changes.map((change) => {
    const { kind } = change;
    const id = change.op === 'put' ? change.object.ID : change.id;
    const expected = change.op === 'put' ? change.object.Version.Index : change.revision;
    const before = compared(view, { kind, id, revision: expected });

    const key = `${kind}/${id}`;
    if (seen.has(key)) throw new Error(`${kind} ${id} is changed twice in one transaction`);
    seen.add(key);
    if (change.op === 'put') return { kind, id, before, object: change.object };
    if (!before) throw new Error(`${kind} ${id} is to be deleted but does not exist`);
    return { kind, id, before, object: undefined };
  });
}

/** What the changes come to, written at `revision`. */
export function eventsAt(checked: readonly Checked[], revision: number): StoreEvent[] {
  return checked.map(({ kind, id, before, object }) => {
    if (!object) return { kind, id, before } as StoreEvent;
    const after = { ...object, Version: { Index: revision } };
    return (before ? { kind, id, before, after } : { kind, id, after }) as StoreEvent;
  });
}

/** Returns the object that is at the revision expected. */
function compared(view: View, compare: Compare): Kinds[Kind] | undefined {
  const found = view.get(compare.kind, compare.id);
  const revision = found?.Version.Index ?? 0;
  if (revision !== compare.revision) throw new ConflictError(compare, revision);
  return found;
}
