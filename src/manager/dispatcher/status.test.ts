import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task, TaskStatus } from '../../model/objects.ts';
import { TASK_STATES, type TaskState } from '../../model/task-state.ts';
import { sampleService, sampleTask } from '../../store/samples.ts';
import { applyReport, laterReport } from './status.ts';

const NOW = '2026-01-02T04:00:00.000Z';

function status(State: TaskState, changes: Partial<TaskStatus> = {}): TaskStatus {
  return { State, Timestamp: NOW, Message: 'm', PortStatus: {}, ...changes };
}

function taskIn(State: TaskState): Task {
  return { ...sampleTask('t', sampleService('s'), { NodeID: 'n' }), Status: status(State) };
}

test('a task moves on by reports of its node, and never back', () => {
  for (const [from, present] of TASK_STATES.entries()) {
    for (const [to, reported] of TASK_STATES.entries()) {
      const after = applyReport(taskIn(present), { nodeId: 'n', status: status(reported) }, NOW);
      const taken = to > from && from >= 2 && to >= 3 && to <= 11;
      assert.equal(after !== undefined, taken, `${present} → ${reported}`);
      if (after) assert.deepEqual(after.Status, status(reported));
    }
  }
});

test('only observed status is written', () => {
  const before = taskIn('assigned');
  const after = applyReport(before, { nodeId: 'n', status: status('running') }, NOW)!;
  assert.deepEqual({ ...after, Status: 0, UpdatedAt: 0 }, { ...before, Status: 0, UpdatedAt: 0 });
});

test('reports of other nodes, of unknown tasks and of unknown states are dropped', () => {
  const report = { nodeId: 'm', status: status('running') };
  assert.equal(applyReport(taskIn('assigned'), report, NOW), undefined);
  assert.equal(applyReport(undefined, report, NOW), undefined);
  const odd = { nodeId: 'n', status: status('sleeping' as TaskState) };
  assert.equal(applyReport(taskIn('assigned'), odd, NOW), undefined);
});

test('within one state, newer news are taken and repetitions are not', () => {
  const ports = { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] };
  const take = (changes: Partial<TaskStatus>) =>
    applyReport(taskIn('running'), { nodeId: 'n', status: status('running', changes) }, NOW)?.Status;
  assert.equal(take({}), undefined);
  assert.equal(take({ Timestamp: '2026-01-02T05:00:00Z' }), undefined);
  assert.deepEqual(take({ PortStatus: ports })?.PortStatus, ports);
  assert.equal(take({ PortStatus: ports, Timestamp: '2026-01-02T03:00:00Z' }), undefined);
});

test('of two reports the one that says more stays, whichever arrives first', () => {
  const running = { nodeId: 'n', status: status('running') };
  const failed = { nodeId: 'n', status: status('failed') };
  assert.equal(laterReport(running, failed), failed);
  assert.equal(laterReport(failed, running), failed);
});
