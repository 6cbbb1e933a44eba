import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Sorter } from './sort.ts';

interface Row {
  id: string;
  value: string | number | undefined;
}
const value = ({ value }: Row) => value;
const rows = (...values: Array<Row['value']>): Row[] =>
  values.map((each, index) => ({ id: String(index), value: each }));

test('numbers as numbers, digits in texts as well, nothing last', () => {
  const sort = (isDown: boolean, ...values: Array<Row['value']>) =>
    new Sorter<Row>().sort(rows(...values), value, isDown).map(value);
  assert.deepEqual(sort(false, 'web.10', undefined, 'web.2', 'Web.1'), [
    'Web.1',
    'web.2',
    'web.10',
    undefined,
  ]);
  assert.deepEqual(sort(true, 1, undefined, 10, 9), [10, 9, 1, undefined]);
});

test('after any changes the order is as if it were made anew', () => {
  const state = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.nat(5), { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(state, { maxLength: 6 }), fc.boolean(), (states, isDown) => {
      const sorter = new Sorter<Row>();
      let before = new Map<string, Row>();
      for (const each of states) {
        const now = Object.entries(each).map(([id, value]) => {
          const known = before.get(id);
          return known?.value === value ? known : { id, value };
        });
        before = new Map(now.map((row) => [row.id, row]));
        const sorted = sorter.sort(now, value, isDown);
        assert.deepEqual(
          sorted.map(value),
          now.map(value).sort((a, b) => (isDown ? -1 : 1) * (Number(a) - Number(b))),
        );
        assert.deepEqual(new Set(sorted), new Set(now));
      }
    }),
  );
});

test('with another column, or the other way round, all of them are put in order anew', () => {
  const sorter = new Sorter<Row>();
  const all = rows(2, 1, 3);
  sorter.sort(all, value, false);
  assert.deepEqual(sorter.sort(all, value, true).map(value), [3, 2, 1]);
  assert.deepEqual(
    sorter.sort(all, ({ id }) => id, false).map(({ id }) => id),
    ['0', '1', '2'],
  );
});
