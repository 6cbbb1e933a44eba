import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, grown, processors } from './plot.ts';

test('a gap is a gap', () => {
  const points = [
    [10_000, 1, 5],
    [20_000, 2, 6],
    [50_000, 3, 7],
  ];
  assert.deepEqual(columnsOf(points, 10_000, [2, 1]), [
    [10, 20, 30, 50],
    [5, 6, null, 7],
    [1, 2, null, 3],
  ]);
  assert.deepEqual(columnsOf([], 10_000, [1]), [[], []]);
});

test('what is new replaces what was told of the same time; what is too old goes', () => {
  const before = [
    [10, 1],
    [20, 1],
    [30, 1],
  ];
  const more = [
    [30, 2],
    [40, 2],
  ];
  assert.deepEqual(grown(before, more, 15), [
    [20, 1],
    [30, 2],
    [40, 2],
  ]);
  assert.deepEqual(grown(before, [], 0), before);
});

test('processors', () => {
  assert.deepEqual([0, 0.0123, 0.256, 12.5].map(processors), ['0', '0.012', '0.26', '12.5']);
});
