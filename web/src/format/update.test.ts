import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceRow, TaskRow } from '../../../src/ui/protocol.ts';
import { rolloutText, rulesText, updateView } from './update.ts';

const rules = { parallelism: 1, order: 'stop-first', delay: 0, monitor: 5_000, failureAction: 'pause' };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
const service = (state?: string, message = ''): ServiceRow => ({
  ...{ id: 's', version: 1, name: 'web', image: 'nginx:2', mode: 'replicated', running: 2, wanted: 3 },
  ...{ completed: 0, ports: [], created: at(0), updated: at(10), problems: [] },
  ...(state && { update: { state, message, started: at(10), rules } }),
});
const task = (name: string, changes: Partial<TaskRow> = {}): TaskRow => ({
  ...{ id: name, version: 1, name, service: 's', serviceName: 'web', image: 'nginx', nodeName: 'n1' },
  ...{ state: 'running', desired: 'running', at: at(1), created: at(0), message: '', addresses: [] },
  ...changes,
});
const TASKS = [
  task('web.1', { created: at(11), at: at(13) }),
  task('web.1', { id: 'o1', old: true, state: 'shutdown', at: at(12) }),
  task('web.2', { created: at(14), at: at(15), state: 'starting' }),
  task('web.2', { id: 'o2', old: true, state: 'shutdown', at: at(14) }),
  task('web.3', { id: 'o3', old: true }),
];

test('a service that was never updated has none', () => {
  assert.equal(updateView(service(), TASKS), undefined);
});

test('how far it is, what it is doing, and what came after what', () => {
  const view = updateView(service('updating'), TASKS)!;
  assert.deepEqual([view.replaced, view.total, view.failures, view.isUnderWay], [1, 3, 0, true]);
  assert.deepEqual(view.now, ['web.2: starting on n1', '1 task still to be replaced']);
  assert.deepEqual(view.steps.map(({ text }) => text).reverse(), [
    'It began.',
    'web.1: a new task is made',
    'web.1: the one before it has ended on n1',
    'web.1: running on n1',
    'web.2: a new task is made',
    'web.2: the one before it has ended on n1',
    'web.2: starting on n1',
  ]);
});

test('one that has stopped says because of which task', () => {
  const failed = task('web.1', {
    created: at(11),
    at: at(13),
    state: 'failed',
    error: 'task: non-zero exit (1)',
  });
  const message = 'update paused due to failure or early termination of task web.1';
  const view = updateView(service('paused', message), [failed, ...TASKS.slice(4)])!;
  assert.equal(view.failures, 1);
  assert.equal(view.title, 'The update has stopped');
  assert.deepEqual(
    view.steps.slice(0, 2).map(({ text, tone }) => [text, tone]),
    [
      [message, 'bad'],
      ['web.1 has failed on n1: task: non-zero exit (1)', 'bad'],
    ],
  );
});

test('rules in words', () => {
  assert.equal(rulesText(rules), '1 at a time; stops when one fails');
  const other = { ...rules, parallelism: 0, delay: 1_500, order: 'start-first', failureAction: 'rollback' };
  assert.equal(
    rulesText(other),
    'all at once, 1500 ms apart, the new one before the old one stops; rolls back when one fails',
  );
  assert.equal(rolloutText({ running: 0, rules }), 'none of its tasks runs');
  assert.match(
    rolloutText({ running: 6, rules: { ...rules, delay: 10_000 } }),
    /^6 tasks restart: 1 at a time, 10 s/,
  );
});
