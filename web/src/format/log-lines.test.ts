import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LogLine } from '../../../src/ui/protocol.ts';
import { foundParts, grown, type LiveLog, searchOf } from './log-lines.ts';

const line = (at: string, text: string, task = 't'): LogLine => ({ task, stream: 'stdout', at, text });
const NONE: LiveLog = { lines: [], count: 0, isOver: false };
const texts = ({ lines }: LiveLog) => lines.map(({ text }) => text);

test('what is told again after a break is there once', () => {
  const first = grown(NONE, [line('2026-01-01T00:00:01Z', 'a'), line('2026-01-01T00:00:02Z', 'b')], false);
  const again = grown(first, [line('2026-01-01T00:00:02Z', 'b'), line('2026-01-01T00:00:03Z', 'c')], false);
  assert.deepEqual(texts(again), ['a', 'b', 'c']);
  assert.equal(again.count, 3);
});

test('of several sources the lines are in the order of their times, whatever comes first', () => {
  const slow = [line('2026-01-01T00:00:01.5Z', 'one', 'x'), line('2026-01-01T00:00:03Z', 'three', 'x')];
  const fast = [line('2026-01-01T00:00:01.51Z', 'two', 'y'), line('2026-01-01T00:00:04Z', 'four', 'y')];
  assert.deepEqual(texts(grown(grown(NONE, fast, false), slow, false)), ['one', 'two', 'three', 'four']);
  const { lines, count } = grown(grown(NONE, fast, false), slow, false);
  assert.deepEqual([lines.map(({ number }) => number).sort(), count], [[1, 2, 3, 4], 4]);
});

test('a page keeps the last lines', () => {
  const many = Array.from({ length: 25_000 }, (_, index) =>
    line(new Date(index).toISOString(), String(index)),
  );
  const log = grown(NONE, many, false);
  assert.deepEqual([log.lines.length, log.count, log.lines.at(-1)!.text], [20_000, 25_000, '24999']);
});

test('what is looked for is marked, and the line stays what it was', () => {
  const shown = (text: string, typed: string) =>
    foundParts(text, searchOf(typed) as RegExp).map(({ text, isFound }) => (isFound ? `[${text}]` : text));
  assert.deepEqual(shown('GET /a.b 200', 'a.b'), ['GET /', '[a.b]', ' 200']);
  assert.deepEqual(shown('axb Axb', '/a.b/'), ['[axb]', ' ', '[Axb]']);
  assert.equal(typeof searchOf('/(/'), 'string');
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1, maxLength: 2 }), (text, typed) => {
      const search = searchOf(typed.replaceAll('/', ''));
      const parts = foundParts(text, search instanceof RegExp ? search : undefined);
      assert.equal(parts.map((part) => part.text).join(''), text);
    }),
  );
});
