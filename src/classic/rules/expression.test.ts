import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../model/errors.ts';
import { holds, parseExpression } from './expression.ts';

const holdsFor = (text: string, ...values: string[]): boolean => holds(parseExpression(text), values);

describe('expressions', () => {
  test('are a key, an operator and a value; a tilde makes them soft', () => {
    assert.deepEqual(parseExpression('storage==ssd'), {
      key: 'storage',
      operator: '==',
      value: 'ssd',
      soft: false,
    });
    assert.deepEqual(parseExpression('node!=~c1'), { key: 'node', operator: '!=', value: 'c1', soft: true });
  });

  for (const [text, message] of [
    ['a==b', "Key 'a' is invalid"],
    ['no de==b', "Key 'no de' is invalid"],
    ['1a==b', "Key '1a' is invalid"],
    ['node=!=b', "Key 'node=' is invalid"],
    ['node==a%b', "Value 'a%b' is invalid"],
    ['node==', "Value '' is invalid"],
    ['node=b', 'One of operator ==, != is expected'],
    ['node', 'One of operator ==, != is expected'],
  ] as const) {
    test(`${text} is refused: ${message}`, () => {
      assert.throws(() => parseExpression(text), new ApiError(400, message));
    });
  }

  for (const [text, value, expected] of [
    ['node==clas3', 'clas3', true],
    ['node==clas', 'clas3', false],
    ['node==CLAS3', 'clas3', false],
    ['node==clas*', 'clas3', true],
    ['node==clas.', 'clas3', true],
    ['node==x|clas3', 'clas3', true],
    ['node==/as3/', 'clas3', true],
    ['node==/^as3/', 'clas3', false],
    ['node==/(?i)CLAS/', 'clas3', true],
    ['node==clas[1-3]', 'clas3', true],
    ['node!=clas3', 'clas3', false],
    ['node!=clas4', 'clas3', true],
    // What is no regular expression matches nothing.
    ['node==clas(3', 'clas(3', false],
    ['node!=clas(3', 'clas(3', true],
    ['node==(clas3)\\1', 'clas3clas3', false],
  ] as const) {
    test(`${text} ${expected ? 'holds' : 'does not hold'} for ${value}`, () => {
      assert.equal(holdsFor(text, value), expected);
    });
  }

  test('one value of several is enough, and none is what a missing label has', () => {
    assert.equal(holdsFor('node==b', 'a', 'b'), true);
    assert.equal(holdsFor('node!=b', 'a', 'b'), false);
    assert.equal(holdsFor('nosuch!=x', ''), true);
    assert.equal(holdsFor('tier==a'), false);
    assert.equal(holdsFor('tier!=a'), true);
  });

  test('take no time that grows beyond measure', () => {
    const started = performance.now();
    assert.equal(holdsFor('node==(a+)+b', `${'a'.repeat(40)}c`), false);
    assert.ok(performance.now() - started < 1000);
  });

  test('the two operators are opposites, whatever the value', () => {
    const value = fc.stringMatching(/^[a-z0-9:_.*/()?+[\]\\^$| -]{1,12}$/);
    fc.assert(
      fc.property(value, fc.array(fc.string()), (text, values) => {
        assert.notEqual(holdsFor(`key==${text}`, ...values), holdsFor(`key!=${text}`, ...values));
      }),
    );
  });
});
