import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  changeTable,
  type NftChain,
  type NftSet,
  type NftTable,
  nftMap,
  nftSet,
  replaceTable,
} from './nft.ts';

const table = (sets: Array<[string, NftSet]>, chains: Array<[string, NftChain]>): NftTable => ({
  family: 'inet',
  name: 't',
  sets: new Map(sets),
  chains: new Map(chains),
});

test('a table is made in one transaction that replaces what was there', () => {
  const text = replaceTable(
    table(
      [
        ['addresses', nftSet('type ipv4_addr;', ['10.0.0.1', '10.0.0.2'])],
        ['places', nftMap('type ipv4_addr : verdict;', [['10.0.0.9', 'goto web']])],
      ],
      [
        ['web', { hook: '', rules: ['accept'] }],
        ['pre', { hook: 'type nat hook prerouting priority dstnat;', rules: ['ip daddr vmap @places'] }],
      ],
    ),
  );
  assert.equal(
    text,
    `table inet t
delete table inet t
table inet t
add chain inet t web
add chain inet t pre { type nat hook prerouting priority dstnat; }
add set inet t addresses { type ipv4_addr; }
add map inet t places { type ipv4_addr : verdict; }
add element inet t addresses { 10.0.0.1, 10.0.0.2 }
add element inet t places { 10.0.0.9 : goto web }
add rule inet t web accept
add rule inet t pre ip daddr vmap @places
`,
  );
});

test('nothing is said where nothing changes', () => {
  const same = table([['s', nftSet('type mark;', ['1'])]], [['c', { hook: '', rules: ['drop'] }]]);
  assert.equal(changeTable(same, same), '');
});

test('one element that changes is one element', () => {
  const of = (targets: string[]): NftTable =>
    table(
      [
        [
          'm',
          nftMap(
            'type mark : ipv4_addr;',
            targets.map((t, i) => [String(i), t] as const),
          ),
        ],
      ],
      [],
    );
  assert.equal(
    changeTable(of(['10.0.0.1', '10.0.0.2']), of(['10.0.0.1', '10.0.0.3'])),
    'delete element inet t m { 1 }\nadd element inet t m { 1 : 10.0.0.3 }\n',
  );
});

/** Does to a table what the text says, as the kernel does: a change that refers to what is not there fails. */
function carryOut(from: NftTable, text: string): NftTable {
  const sets = new Map(
    [...from.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }]),
  );
  const chains = new Map(
    [...from.chains].map(([name, { hook, rules }]) => [name, { hook, rules: [...rules] }]),
  );
  const need = <T>(value: T | undefined, line: string): T => {
    if (value === undefined) throw new Error(`refers to nothing: ${line}`);
    return value;
  };
  for (const line of text.split('\n').filter((l) => l !== '')) {
    const [, verb, what, name = '', rest = ''] = /^(\w+) (\w+) inet t (\w+) ?(.*)$/.exec(line)!;
    const inner = rest.replace(/^\{ | \}$/g, '');
    if (what === 'chain') {
      if (verb === 'add') chains.set(name, { hook: inner, rules: [] });
      else if (verb === 'flush') need(chains.get(name), line).rules.length = 0;
      else {
        for (const [set, { elements }] of sets)
          for (const value of elements.values())
            assert.notEqual(value, `goto ${name}`, `${set} needs ${name}`);
        need(chains.delete(name) || undefined, line);
      }
    } else if (what === 'rule') need(chains.get(name), line).rules.push(rest);
    else if (what === 'element') {
      const { elements } = need(sets.get(name), line);
      for (const element of inner.split(', ')) {
        const [key = '', value = ''] = element.split(' : ');
        if (verb === 'delete') need(elements.delete(key) || undefined, line);
        else {
          assert.ok(!elements.has(key), `is there already: ${line}`);
          elements.set(key, value);
        }
      }
    } else if (verb === 'add') {
      sets.set(name, { kind: what as 'set' | 'map', declaration: inner, elements: new Map() });
    } else need(sets.delete(name) || undefined, line);
  }
  return { ...from, sets, chains };
}

const anyTable = fc
  .record({
    sets: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.uniqueArray(fc.constantFrom('1', '2', '3', '4'))),
    maps: fc.dictionary(
      fc.constantFrom('m', 'n'),
      fc.dictionary(fc.constantFrom('1', '2', '3'), fc.constantFrom('x', 'y', 'z')),
    ),
    chains: fc.dictionary(
      fc.constantFrom('x', 'y', 'z'),
      fc.array(fc.constantFrom('accept', 'drop', 'return'), { maxLength: 3 }),
    ),
  })
  .map(({ sets, maps, chains }) =>
    table(
      [
        ...Object.entries(sets).map(([name, keys]) => [name, nftSet('type mark;', keys)] as [string, NftSet]),
        ...Object.entries(maps).map(([name, values]): [string, NftSet] => {
          const known = Object.entries(values).filter(([, chain]) => chain in chains);
          return [
            name,
            nftMap(
              'type mark : verdict;',
              known.map(([key, chain]) => [key, `goto ${chain}`]),
            ),
          ];
        }),
      ],
      Object.entries(chains).map(([name, rules]) => [name, { hook: '', rules }]),
    ),
  );

test('the change from one table to another makes exactly the other', () => {
  fc.assert(
    fc.property(anyTable, anyTable, (from, to) => {
      const result = carryOut(from, changeTable(from, to));
      const plain = ({ sets, chains }: NftTable): unknown => ({
        sets: Object.fromEntries(
          [...sets].map(([name, set]) => [name, { ...set, elements: Object.fromEntries(set.elements) }]),
        ),
        chains: Object.fromEntries(chains),
      });
      assert.deepEqual(plain(result), plain(to));
    }),
    { numRuns: 500 },
  );
});
