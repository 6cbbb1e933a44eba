import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Task } from '../../../model/objects.ts';
import { openMemoryStore } from '../../../store/memory.ts';
import { sampleService, sampleTask } from '../../../store/samples.ts';
import { KeptTasks } from './kept.ts';
import { eachTask } from './list.ts';

const { view } = openMemoryStore();
const web = sampleService('web');

/** Sizes up to more than what a piece has room for. */
function taskOf(id: string, version: number, kilobytes: number): Task {
  const Env = ['é'.repeat(512 * kilobytes)];
  return sampleTask(id, web, { Version: { Index: version }, Spec: { ContainerSpec: { Env } } });
}

/** A list while it is read, whose bytes are compared with what was right when it began. */
class Reading {
  readonly #pieces: Iterator<Buffer>;
  readonly #expected: Buffer;
  #length = 0;

  constructor(kept: KeptTasks, tasks: readonly Task[]) {
    this.#pieces = kept.of(tasks, view);
    this.#expected = Buffer.concat(
      eachTask(tasks, view)
        .map((bytes) => Buffer.from(bytes))
        .toArray(),
    );
  }

  /** Reads on by a piece; false at the end. */
  step(): boolean {
    const { done, value } = this.#pieces.next();
    if (done) {
      assert.equal(this.#length, this.#expected.length);
      return false;
    }
    const end = this.#length + value.length;
    assert.ok(value.equals(this.#expected.subarray(this.#length, end)));
    this.#length = end;
    return true;
  }
}

const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('change' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), at: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      sizes: fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 150 })), {
        maxLength: 60,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('begin' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('read' as const), which: fc.nat(), far: fc.boolean() }),
  },
);

test('whatever changes between lists and while others read theirs, each is as the tasks were at its beginning', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (steps) => {
      const kept = new KeptTasks();
      let version = 0;
      let tasks = Array.from({ length: 150 }, (_, index) => taskOf(`t${index}`, ++version, 1));
      let readings: Reading[] = [];
      const toTheEnd = (reading: Reading) => {
        while (reading.step());
        readings = readings.filter((each) => each !== reading);
      };
      for (const step of steps) {
        const at = 'at' in step ? step.at % Math.max(tasks.length, 1) : 0;
        if (step.type === 'change')
          tasks = tasks.with(at, taskOf(tasks[at]!.ID, ++version, (version % 3) + 1));
        else if (step.type === 'delete') tasks = tasks.toSpliced(at, 1);
        else if (step.type === 'add')
          tasks = [...tasks, ...step.sizes.map((size) => taskOf(`t${++version}`, version, size))];
        else if (step.type === 'begin') readings.push(new Reading(kept, tasks));
        else {
          const reading = readings[step.which % Math.max(readings.length, 1)];
          if (reading && (step.far || !reading.step())) toTheEnd(reading);
        }
      }
      for (const reading of readings) toTheEnd(reading);
      toTheEnd(new Reading(kept, tasks));
    }),
    {
      examples: [
        // A piece is made anew, of another number of tasks, while somebody is at it.
        [
          [
            { type: 'begin' },
            { type: 'read', which: 0, far: true },
            { type: 'begin' },
            { type: 'change', at: 0 },
            { type: 'begin' },
            { type: 'read', which: 1, far: false },
          ],
        ],
      ],
    },
  );
});

test('what has not changed is not made again', () => {
  const kept = new KeptTasks();
  const tasks = Array.from({ length: 1000 }, (_, index) => taskOf(`t${index}`, 1, 1));
  const read = (list: readonly Task[]) =>
    Buffer.concat(
      kept
        .of(list, view)
        .map((bytes) => Buffer.from(bytes))
        .toArray(),
    );
  const before = read(tasks);
  // An object that nobody may change is changed here, so that it shows who looks at it again.
  for (const task of tasks) (task.Version as { Index: number }).Index = 2;
  assert.ok(read(tasks).equals(before));
  const text = read(tasks.with(500, taskOf('t500', 3, 1))).toString();
  assert.deepEqual(
    [1, 2, 3].map((index) => text.split(`"Index":${index}}`).length - 1),
    [999, 0, 1],
  );
});
