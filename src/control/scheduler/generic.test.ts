import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GenericResource } from '../../model/spec.ts';
import { GenericStock } from './generic.ts';

const number = (Kind: string, Value: number): GenericResource => ({ DiscreteResourceSpec: { Kind, Value } });
const named = (Kind: string, Value: string): GenericResource => ({ NamedResourceSpec: { Kind, Value } });

test('a kind that is asked for more than once is given once each, names before numbers', () => {
  const stock = new GenericStock([
    named('gpu', 'a'),
    named('gpu', 'b'),
    named('gpu', 'c'),
    number('disk', 3),
  ]);
  assert.deepEqual(stock.choose([number('gpu', 2), named('gpu', 'a')]), [
    named('gpu', 'a'),
    named('gpu', 'b'),
    named('gpu', 'c'),
  ]);
  assert.equal(stock.choose([number('gpu', 3), named('gpu', 'a')]), undefined);
  assert.equal(stock.choose([named('gpu', 'a'), named('gpu', 'a')]), undefined);
  assert.deepEqual(stock.choose([number('disk', 1), number('disk', 2)]), [
    number('disk', 1),
    number('disk', 2),
  ]);
  assert.equal(stock.choose([number('disk', 2), number('disk', 2)]), undefined);
  assert.equal(stock.choose([number('gpu', 3)])?.length, 3, 'nothing was taken');
});

test('what a task has is there, or it is not: names by name, numbers by number', () => {
  const stock = new GenericStock([named('gpu', 'a'), number('disk', 3)]);
  assert.ok(stock.holds([named('gpu', 'a'), number('disk', 3)]));
  assert.ok(!stock.holds([named('gpu', 'b')]));
  assert.ok(!stock.holds([number('disk', 4)]));
  assert.ok(!stock.holds([named('fpga', 'a')]));
});
