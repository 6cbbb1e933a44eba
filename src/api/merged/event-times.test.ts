import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byTime, parseTime, timeOfLine, timeText } from './event-times.ts';

test('a time is said and understood to the nanosecond', () => {
  fc.assert(fc.property(fc.bigInt(0n, 1n << 62n), (time) => parseTime(timeText(time)) === time));
  assert.equal(parseTime('17'), 17_000_000_000n);
  assert.equal(parseTime('17.5'), 17_500_000_000n);
  assert.equal(parseTime('17.0000000019'), 17_000_000_001n);
  for (const text of ['', 'now', '-1', '1.', '1.5s']) assert.equal(parseTime(text), undefined, text);
});

test('two streams in order become one in order, with all of both', () => {
  const times = fc.array(fc.bigInt(0n, 20n)).map((list) => list.sort((a, b) => Number(a - b)));
  fc.assert(
    fc.property(times, times, (ofLines, ofEvents) => {
      const lines = ofLines.map((time) => `{"status":"x","timeNano":${time}}`);
      const events = ofEvents.map((timeNano) => ({ timeNano }));
      const merged = byTime(lines, events);
      const at = merged.map((each) => (typeof each === 'string' ? timeOfLine(each) : each.timeNano));
      assert.deepEqual(
        at,
        at.toSorted((a, b) => Number(a - b)),
      );
      assert.deepEqual(
        merged.filter((each) => typeof each === 'string'),
        lines,
      );
      assert.deepEqual(
        merged.filter((each) => typeof each !== 'string'),
        events,
      );
    }),
  );
});
