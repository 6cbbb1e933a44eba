/** Where things are in etcd, all under one prefix. */
import type { Kind } from '../contract.ts';

export class Keys {
  /** Written once, when the state is begun. */
  readonly state: string;
  /** Written by every transaction: whoever compares its revision knows that nothing has come between. */
  readonly head: string;
  /** The first key and the one after the last, for a range. */
  readonly all: { key: string; range_end: string };
  readonly #prefix: string;

  /** @param prefix ends with a slash */
  constructor(prefix: string) {
    if (!prefix.endsWith('/')) throw new Error(`the prefix ${prefix} must end with a slash`);
    this.#prefix = prefix;
    this.state = `${prefix}state`;
    this.head = `${prefix}head`;
    this.all = { key: prefix, range_end: `${prefix.slice(0, -1)}0` };
  }

  object(kind: Kind, id: string): string {
    return `${this.#prefix}object/${kind}/${id}`;
  }

  /** Specs come before the objects that have them, in the order of keys. */
  digest(digest: string): string {
    return `${this.#prefix}digest/${digest}`;
  }

  /** What a key names; undefined: nothing that the view shows. */
  parse(key: string): { digest: string } | { kind: Kind; id: string } | undefined {
    const [type, first, ...rest] = key.slice(this.#prefix.length).split('/');
    if (type === 'digest' && first) return { digest: first };
    if (type === 'object' && first) return { kind: first as Kind, id: rest.join('/') };
    return undefined;
  }
}
