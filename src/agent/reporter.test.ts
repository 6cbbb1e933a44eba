import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { TaskStatus } from '../model/objects.ts';
import type { ManagerSession } from './contract.ts';
import { Reporter } from './reporter.ts';

/** A reporter to a manager that takes `answerMs` for each answer, and how many statuses came when. */
function reporter(answerMs: number) {
  const clock = new VirtualClock();
  const begin = clock.now();
  const reports: Array<[at: number, statuses: number]> = [];
  const session: ManagerSession = {
    messages: (async function* () {})(),
    report({ statuses }) {
      reports.push([clock.now() - begin, statuses.length]);
      return new Promise((resolve) => clock.timer(answerMs, resolve));
    },
    describe: () => Promise.resolve(),
    networksApplied: () => Promise.resolve(),
    away: () => Promise.resolve(),
    close() {},
  };
  const made = new Reporter(clock, () => {});
  made.use(session);
  const report = (id: string) => made.report(id, status(clock.now()));
  return { clock, report, reports };
}

function status(now: number): TaskStatus {
  return { State: 'running', Timestamp: new Date(now).toISOString(), Message: 'started', PortStatus: {} };
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
