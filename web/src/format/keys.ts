/** Keys of the whole interface. */

/** Where `g` and another letter go. */
export const GO_KEYS: Readonly<Record<string, string>> = {
  ...{ o: '/', k: '/stacks', s: '/services', t: '/tasks', n: '/nodes', l: '/logs', c: '/containers' },
  ...{ i: '/images', v: '/volumes', w: '/networks', e: '/events', a: '/activity' },
};
