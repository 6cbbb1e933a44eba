import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TaskStatus } from '../model/objects.ts';
import { atLeast, compareStates, isTerminal, TASK_STATES, type TaskState } from '../model/task-state.ts';
import { done, exitError, failed, moved, nextStep, withContainer } from './task-steps.ts';

const status = (State: TaskState): TaskStatus => ({ Timestamp: 't0', State, Message: 'm', PortStatus: {} });
const container = {
  containerId: 'c',
  taskId: 't',
  state: 'exited' as const,
  pid: 0,
  exitCode: 3,
  ports: {},
};

const table: Array<[TaskState, TaskState, string]> = [
  ['assigned', 'running', 'move accepted'],
  ['accepted', 'running', 'move preparing'],
  ['preparing', 'running', 'prepare'],
  ['ready', 'running', 'move starting'],
  ['starting', 'running', 'start'],
  ['running', 'running', 'wait'],
  ['running', 'complete', 'wait'],
  ['complete', 'running', 'rest'],
  ['assigned', 'ready', 'move accepted'],
  ['preparing', 'ready', 'prepare'],
  ['ready', 'ready', 'rest'],
  ['ready', 'complete', 'move starting'],
  ['assigned', 'shutdown', 'stop'],
  ['ready', 'shutdown', 'stop'],
  ['running', 'remove', 'stop'],
  ['failed', 'shutdown', 'rest'],
  ['orphaned', 'running', 'rest'],
];
for (const [state, desired, expected] of table)
  test(`${state}, wanted ${desired}: ${expected}`, () => {
    const step = nextStep(state, desired);
    assert.equal(step.kind === 'move' ? `move ${step.state}` : step.kind, expected);
  });

test('whatever is desired and however actions end, states only move forward and come to rest', () => {
  const states = fc.constantFrom(...TASK_STATES);
  fc.assert(
    fc.property(states, states, fc.array(fc.boolean()), (from, desired, luck) => {
      let now = status(from);
      const outcomes = [...luck];
      for (let steps = 0; ; steps++) {
        assert.ok(steps < TASK_STATES.length);
        const step = nextStep(now.State, desired);
        if (step.kind === 'rest') break;
        const well = outcomes.pop() ?? true;
        const next =
          step.kind === 'move'
            ? moved(now, step.state, step.message, 't')
            : well
              ? done(now, step.kind, 't')
              : failed(now, 'error', 't');
        assert.ok(compareStates(next.State, now.State) > 0);
        assert.equal(next.Err !== undefined, next.State === 'failed' || next.State === 'rejected');
        now = next;
      }
      assert.ok(isTerminal(now.State) || atLeast(now.State, desired));
    }),
  );
});

test('an error before the start rejects, later it fails; the message stays', () => {
  assert.deepEqual(failed(status('preparing'), 'No such image: x:latest', 't1'), {
    ...status('rejected'),
    Timestamp: 't1',
    Err: 'No such image: x:latest',
  });
  assert.equal(failed(status('starting'), 'e', 't1').State, 'failed');
});

test('exit codes become Docker’s texts', () => {
  assert.equal(exitError({ ...container, exitCode: 0 }, false), undefined);
  assert.equal(exitError(container, false), 'task: non-zero exit (3)');
  assert.equal(exitError({ ...container, error: 'oom' }, false), 'task: non-zero exit (3): oom');
  assert.equal(
    exitError({ ...container, exitCode: 137 }, true),
    'task: non-zero exit (137): dockerexec: unhealthy container',
  );
  assert.equal(exitError({ ...container, exitCode: 0 }, true), 'dockerexec: unhealthy container');
});

test('a container is told of by its id, process and exit code', () => {
  const ports = { Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' }] };
  const told = withContainer(status('running'), { ...container, pid: 7, exitCode: 0, ports });
  assert.deepEqual(told.ContainerStatus, { ContainerID: 'c', PID: 7, ExitCode: 0 });
  assert.deepEqual(told.PortStatus, ports);
  assert.equal(withContainer(told, undefined), told);
});
