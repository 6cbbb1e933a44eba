import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceRow } from '../../../src/ui/protocol.ts';
import { strength } from './password.ts';
import { portText } from './ports.ts';
import { bytes, counted, cpus } from './size.ts';
import { sorted } from './sort.ts';
import { exitText, serviceTone, serviceWord, taskTone } from './state.ts';
import { age, agoText, duration } from './time.ts';

test('durations in their one or two largest units', () => {
  const of = (text: string, ...parts: number[]) => {
    const [d = 0, h = 0, m = 0, s = 0] = parts;
    assert.equal(duration((((d * 24 + h) * 60 + m) * 60 + s) * 1_000), text);
  };
  of('now');
  of('12 s', 0, 0, 0, 12);
  of('1 min 5 s', 0, 0, 1, 5);
  of('59 min', 0, 0, 59, 59);
  of('2 h', 0, 2);
  of('3 d 4 h', 3, 4, 59);
  of('1 y 1 d', 366);
});

test('what is of this second is not ago', () => {
  assert.equal(agoText(age('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:03:00Z'))), '3 min ago');
  assert.equal(agoText('now'), 'now');
});

test('ages have no future, and what is no time has none', () => {
  assert.equal(age('2026-01-01T00:00:10Z', Date.parse('2026-01-01T00:00:00Z')), 'now');
  assert.equal(age('', 0), '');
});

test('amounts', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(1_536), '1.5 KiB');
  assert.equal(bytes(25_300_000_000), '23.6 GiB');
  assert.equal(cpus(1_500_000_000), '1.5');
  assert.deepEqual([counted(1, 'task'), counted(2, 'reply')], ['1 task', '2 replies']);
});

test('sorting keeps all rows, numbers in order, what has no value last', () => {
  assert.deepEqual(
    sorted(['web.10', 'web.2', 'Web.1'], (name) => name, false),
    ['Web.1', 'web.2', 'web.10'],
  );
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), fc.boolean(), (values, isDown) => {
      const rows = values.map((value) => ({ value }));
      const result = sorted(rows, ({ value }) => value, isDown).map(({ value }) => value);
      assert.equal(result.length, rows.length);
      const known = result.filter((value) => value !== undefined);
      assert.deepEqual(result.slice(0, known.length), known);
      assert.deepEqual(
        known,
        known.toSorted((a, b) => (isDown ? b - a : a - b)),
      );
    }),
  );
});

test('ports', () => {
  const port = { published: 8080, target: 80, protocol: 'tcp', mode: 'ingress' };
  assert.equal(portText(port), '8080→80');
  assert.equal(portText({ ...port, protocol: 'udp', mode: 'host' }), '8080→80/udp (host)');
  assert.equal(portText({ ...port, published: undefined }), '80');
});

const service = (changes: Partial<ServiceRow>): ServiceRow => ({
  ...{ id: 's', version: 1, name: 'web', image: 'nginx', mode: 'replicated', running: 2, wanted: 2 },
  ...{ completed: 0, ports: [], created: '', updated: '', problems: [] },
  ...changes,
});

const update = (state: string): ServiceRow['update'] => ({
  ...{ state, message: '' },
  rules: { parallelism: 1, order: 'stop-first', delay: 0, monitor: 5_000, failureAction: 'pause' },
});

const states: Array<[changes: Partial<ServiceRow>, word: string, tone: string]> = [
  [{}, 'running', 'good'],
  [{ running: 1 }, 'starting', 'busy'],
  [{ running: 1, problems: ['no suitable node'] }, 'not all there', 'bad'],
  [{ running: 0, problems: ['no suitable node'] }, 'does not run', 'bad'],
  [{ running: 3 }, 'stopping', 'busy'],
  [{ running: 0, wanted: 0 }, 'stopped', 'idle'],
  [{ update: update('updating') }, 'updating', 'busy'],
  [{ update: update('paused') }, 'update paused', 'bad'],
  [{ update: update('completed') }, 'running', 'good'],
  [{ mode: 'replicated-job', running: 0, wanted: 3, completed: 3 }, 'complete', 'good'],
  [{ mode: 'global-job', running: 1, wanted: 3, completed: 1 }, 'running', 'busy'],
];
for (const [changes, word, tone] of states) {
  test(`a service is ${word}, ${tone}`, () => {
    assert.equal(serviceWord(service(changes)), word);
    assert.equal(serviceTone(service(changes)), tone);
  });
}

test('tasks', () => {
  assert.equal(taskTone({ state: 'running', desired: 'running' }), 'good');
  assert.equal(taskTone({ state: 'pending', desired: 'running', error: 'no suitable node' }), 'bad');
  assert.equal(taskTone({ state: 'failed', desired: 'shutdown' }), 'bad');
  assert.equal(taskTone({ state: 'shutdown', desired: 'shutdown' }), 'idle');
});

test('exit codes in words', () => {
  assert.match(exitText(137), /killed/);
  assert.match(exitText(139), /SIGSEGV/);
  assert.match(exitText(3), /error of the program/);
});

test('a long password looks better than a short one', () => {
  assert.equal(strength('').share, 0);
  assert.ok(strength('short').share < strength('a swarm of many bees').share);
});
