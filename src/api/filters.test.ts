import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Filters, parseFilters } from './filters.ts';

const parse = (text: string, accepted?: string[]): Filters =>
  parseFilters(new URLSearchParams({ filters: text }), accepted);

test('both forms, and none', () => {
  assert.deepEqual(parse('{"a":{"x":true,"y":true}}').get('a'), ['x', 'y']);
  assert.deepEqual(parse('{"a":["x","y"]}').get('a'), ['x', 'y']);
  assert.deepEqual(parseFilters(new URLSearchParams()).keys(), []);
  assert.deepEqual(parse('null').keys(), []);
  assert.deepEqual(parse('{}').keys(), []);
});

for (const text of [
  'x',
  '[]',
  '1',
  '"a"',
  '{"a":"x"}',
  '{"a":[1]}',
  '{"a":{"x":1}}',
  '{"a":{"x":{}}}',
  '{',
]) {
  test(`refuses ${text}`, () => assert.throws(() => parse(text), { status: 400, message: 'invalid filter' }));
}

test('names the key that is not accepted', () => {
  assert.throws(() => parse('{"foo":["v"]}', ['id']), { status: 400, message: "invalid filter 'foo'" });
  assert.throws(() => parse('{"__proto__":["v"]}', ['id']), { message: "invalid filter '__proto__'" });
});

test('labels: all asked for; k alone takes any value', () => {
  const filters = parse('{"label":["a","b=1"]}');
  assert.ok(filters.labels('label', { a: 'x', b: '1' }));
  assert.ok(!filters.labels('label', { a: 'x', b: '2' }));
  assert.ok(!filters.labels('label', { b: '1' }));
  assert.ok(!filters.labels('label', null));
  assert.ok(!parse('{"label":["constructor"]}').labels('label', {}));
  assert.ok(parse('{"label":["k=a=b"]}').labels('label', { k: 'a=b' }));
});

test('exact and prefix take any of the values; no values take everything', () => {
  const filters = parse('{"id":["ab","c"]}');
  assert.ok(filters.exact('id', 'c') && !filters.exact('id', 'a') && !filters.exact('id', undefined));
  assert.ok(filters.prefix('id', 'abc') && filters.prefix('id', 'x', 'cc') && !filters.prefix('id', 'a'));
  assert.ok(filters.exact('other', 'x') && filters.prefix('other', 'x'));
});

test('booleans', () => {
  assert.equal(parse('{"b":["true"]}').boolean('b'), true);
  assert.equal(parse('{"b":["0"]}').boolean('b'), false);
  assert.equal(parse('{}').boolean('b'), undefined);
  assert.throws(() => parse('{"b":["1","0"]}').boolean('b'), { message: "invalid filter 'b=[1 0]'" });
  assert.throws(() => parse('{"b":["maybe"]}').boolean('b'), { message: "invalid filter 'b=[maybe]'" });
});

test('text and back', () => {
  const strings = fc.uniqueArray(fc.string(), { maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fc.string(), strings), { selector: ([key]) => key }), (fields) => {
      const sorted = (filters: Filters) =>
        filters
          .keys()
          .map((key) => [key, [...filters.get(key)].sort()])
          .sort();
      const filters = new Filters(fields);
      assert.deepEqual(sorted(parse(String(filters))), sorted(filters));
    }),
  );
});
