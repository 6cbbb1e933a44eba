import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { diffLines, folded, sideBySide } from './diff.ts';

const signs = { same: ' ', gone: '-', new: '+', 'left-out': '…' };
const shown = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => signs[kind] + text);

test('what has gone and what is new', () => {
  assert.deepEqual(shown('a\nb\nc\n', 'a\nx\nc\n'), [' a', '-b', '+x', ' c']);
  assert.deepEqual(shown('', 'a\n'), ['+a']);
  assert.deepEqual(shown('a\nb\n', ''), ['-a', '-b']);
  assert.deepEqual(shown('a\n', 'a\n'), [' a']);
});

const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });

test('one can be made of the other by it, whatever they are', () => {
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const [before, after] = [a.map((line) => `${line}\n`).join(''), b.map((line) => `${line}\n`).join('')];
      const difference = diffLines(before, after);
      const side = (kind: 'gone' | 'new') =>
        difference.filter((line) => line.kind === 'same' || line.kind === kind).map(({ text }) => text);
      assert.deepEqual(side('gone'), a);
      assert.deepEqual(side('new'), b);
      for (const { before, after, text } of difference) {
        if (before !== undefined) assert.equal(a[before - 1], text);
        if (after !== undefined) assert.equal(b[after - 1], text);
      }
      const columns = sideBySide(difference);
      assert.deepEqual(
        columns.flatMap(([left]) => left?.text ?? []),
        a,
      );
      assert.deepEqual(
        columns.flatMap(([, right]) => right?.text ?? []),
        b,
      );
    }),
  );
});

test('no more is said to have changed than has', () => {
  const many = Array.from({ length: 500 }, (_, index) => `line ${index}`);
  const other = many.toSpliced(250, 1, 'another').toSpliced(10, 0, 'one more');
  const changed = diffLines(many.join('\n'), other.join('\n')).filter(({ kind }) => kind !== 'same');
  assert.equal(changed.length, 3);
});

test('what is the same is left out but for a few lines', () => {
  const before = Array.from({ length: 30 }, (_, index) => String(index)).join('\n');
  const difference = folded(diffLines(before, before.replace('\n15\n', '\nx\n')), 2);
  assert.deepEqual(
    difference.map((each) => (each.kind === 'left-out' ? `…${each.count}` : signs[each.kind] + each.text)),
    ['…13', ' 13', ' 14', '-15', '+x', ' 16', ' 17', '…12'],
  );
});

test('texts that have nothing to do with each other are not compared for ever', () => {
  const text = (sign: string) => Array.from({ length: 3_000 }, (_, index) => sign + index).join('\n');
  assert.equal(diffLines(text('a'), text('b')).length, 6_000);
});
