import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanRow, ServiceRow, TaskRow } from '../../../src/ui/protocol.ts';
import { overall, progressOf } from './progress.ts';

const rules = { parallelism: 1, order: 'stop-first', delay: 0, monitor: 5_000, failureAction: 'pause' };
const service = (changes: Partial<ServiceRow> = {}): ServiceRow => ({
  ...{ id: 's', version: 1, name: 'shop_web', image: 'nginx', mode: 'replicated', running: 2, wanted: 2 },
  ...{ completed: 0, ports: [], created: '', updated: '', problems: [] },
  ...changes,
});
const task = (id: string, changes: Partial<TaskRow> = {}): TaskRow => ({
  ...{ id, version: 1, name: `shop_web.${id}`, service: 's', serviceName: 'shop_web', image: 'nginx' },
  ...{ state: 'running', desired: 'running', at: '', created: id, message: '', addresses: [] },
  ...changes,
});
const state = (services: ServiceRow[], tasks: TaskRow[], plan?: PlanRow[]) => {
  const progress = progressOf(services, tasks, plan);
  return [
    overall(progress),
    ...progress.map(({ text, failing }) => text + (failing ? ` !${failing.id}` : '')),
  ];
};

test('done when as many run as should, all of them as they should be now', () => {
  assert.deepEqual(state([service()], [task('1'), task('2')]), ['done', '2 of 2 run']);
  assert.deepEqual(state([service()], [task('1'), task('2', { old: true })]), [
    'going',
    '1 of 2 run, 1 still to be replaced',
  ]);
  assert.deepEqual(state([service()], [task('1'), task('2'), task('3', { old: true, state: 'shutdown' })]), [
    'done',
    '2 of 2 run',
  ]);
  const updating = { state: 'updating', message: '', rules };
  assert.equal(state([service({ update: updating })], [task('1'), task('2')])[0], 'going');
  assert.equal(state([], [])[0], 'going', 'nothing is there yet');
});

test('what has failed last is told while the next one is tried', () => {
  const tasks = [
    task('1'),
    task('2', { state: 'failed', error: 'task: non-zero exit (1)' }),
    task('3', { state: 'failed', error: 'task: non-zero exit (2)' }),
    task('4', { state: 'starting' }),
  ];
  assert.deepEqual(state([service()], tasks), ['going', '1 of 2 run !3']);
  const waits = [task('1'), task('2', { state: 'pending', error: 'no suitable node' })];
  assert.deepEqual(state([service()], waits), ['going', '1 of 2 run !2']);
});

test('an update that has stopped or was rolled back has failed, unless it is of another time', () => {
  const back = service({ update: { state: 'rollback_completed', message: '', rules } });
  const tasks = [task('1'), task('2')];
  const plan = (action: PlanRow['action']): PlanRow[] => [
    { kind: 'service', name: 'shop_web', action, changes: [], restarts: 0 },
  ];
  assert.deepEqual(state([back], tasks, plan('update')), ['failed', 'it was rolled back']);
  assert.deepEqual(state([back], tasks, plan('keep')), ['done', '2 of 2 run']);
});

test('jobs are done when they are complete', () => {
  const job = service({ mode: 'replicated-job', wanted: 3, running: 1 });
  assert.deepEqual(state([{ ...job, completed: 2 }], []), ['going', '2 of 3 are complete']);
  assert.equal(state([{ ...job, completed: 3 }], [])[0], 'done');
});
