import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { TaskStatus } from '../model/objects.ts';
import type { TaskState } from '../model/task-state.ts';
import type { ManagerSession } from './contract.ts';
import { Reporter } from './reporter.ts';

/** A reporter to a manager that takes `answerMs` for each answer, and how many statuses came when. */
function reporter(answerMs: number) {
  const states: string[] = [];
  const clock = new VirtualClock();
  const begin = clock.now();
  const reports: Array<[at: number, statuses: number]> = [];
  const session: ManagerSession = {
    messages: (async function* () {})(),
    report({ statuses }) {
      reports.push([clock.now() - begin, statuses.length]);
      states.push(...statuses.map(({ status }) => status.State));
      return new Promise((resolve) => clock.timer(answerMs, resolve));
    },
    describe: () => Promise.resolve(),
    networksApplied: () => Promise.resolve(),
    away: () => Promise.resolve(),
    close() {},
  };
  const made = new Reporter(clock, () => {});
  made.use(session);
  const report = (id: string, state: TaskState = 'running') => made.report(id, status(state, clock.now()));
  return { clock, report, reports, states };
}

function status(State: TaskState, now: number): TaskStatus {
  return { State, Timestamp: new Date(now).toISOString(), Message: State, PortStatus: {} };
}

test('statuses that come together travel together', async () => {
  const { clock, report, reports } = reporter(10);
  report('a');
  report('b');
  report('a');
  await clock.advance(100);
  assert.deepEqual(reports, [[5, 2]]);
});

test('a manager that is slow to answer gets fewer reports, with more in them', async () => {
  const { clock, report, reports } = reporter(200);
  for (let i = 0; i < 100; i++) {
    report(`t${i}`);
    await clock.advance(10);
  }
  // Each answer takes 200 ms, and as long is waited before the next report.
  assert.deepEqual(
    reports.map(([at]) => at),
    [5, 405, 805],
  );
  assert.equal(reports[1]![1], 40);
});

test('steps that are overtaken soon are not told; those that last are', async () => {
  const { clock, report, reports, states } = reporter(10);
  for (const state of ['accepted', 'preparing', 'ready', 'starting'] as const) report('a', state);
  await clock.advance(200);
  assert.deepEqual(reports, []);
  report('a', 'running');
  await clock.advance(100);
  report('b', 'accepted');
  report('b', 'preparing');
  await clock.advance(250);
  report('b', 'preparing');
  await clock.advance(400);
  assert.deepEqual(states, ['running', 'preparing']);
  assert.deepEqual(reports, [
    [205, 1],
    [600, 1],
  ]);
});

test('what somebody waits for takes along what could have waited, and is not held up by it', async () => {
  const { clock, report, reports, states } = reporter(10);
  report('a', 'preparing');
  await clock.advance(50);
  report('b', 'ready');
  await clock.advance(50);
  assert.deepEqual(reports, [[55, 2]]);
  assert.deepEqual(states, ['preparing', 'ready']);
});
