import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readNumber } from '../syntax/numbers.ts';
import { formatFloat } from './float.ts';

const floats = fc.double({ noNaN: true, noDefaultInfinity: true });

test('as few digits as tell a float from all others are read as the same float', () => {
  fc.assert(
    fc.property(floats, fc.constantFrom('e', 'E', 'f', 'g', 'G'), (value, form) => {
      const text = formatFloat(value, form, -1);
      assert.ok(Object.is(Number(text), value), text);
    }),
  );
});

test('so many places are those of the nearest number that has them', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e20, max: 1e20 }),
      fc.integer({ min: 0, max: 60 }),
      (value, places) => {
        // Of two that are as near, Go takes the even one, toFixed the larger.
        fc.pre(!Number.isInteger(value * 2 * 10 ** places));
        assert.equal(
          formatFloat(value, 'f', places).replace(/^-(?=[0.]*$)/, ''),
          value.toFixed(places).replace(/^-(?=[0.]*$)/, ''),
        );
      },
    ),
  );
});

test('a half goes to the even digit', () => {
  const halves: Array<[number, number, string]> = [
    [0.5, 0, '0'],
    [1.5, 0, '2'],
    [2.5, 0, '2'],
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [9.5, 0, '10'],
  ];
  for (const [value, places, text] of halves) assert.equal(formatFloat(value, 'f', places), text);
});

test('hexadecimal floats are read as the same float', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: 1e-300, max: 1e300 }), (value) => {
      assert.deepEqual(readNumber(formatFloat(value, 'x', -1)), { value });
    }),
  );
});
