import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerState } from './records.ts';
import { durationText, statusText } from './status-text.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
const ZERO = '0001-01-01T00:00:00Z';

function state(changes: Partial<ContainerState>): ContainerState {
  const base = { Status: 'running', Running: true, Paused: false, Restarting: false, Dead: false };
  return { ...base, ExitCode: 0, StartedAt: ago(180), FinishedAt: ZERO, ...changes };
}

describe('status of a container', () => {
  for (const [expected, changes] of [
    ['Up 3 minutes', {}],
    ['Up 3 minutes (Paused)', { Paused: true }],
    ['Up 3 minutes (healthy)', { Health: { Status: 'healthy' } }],
    ['Up 3 minutes (health: starting)', { Health: { Status: 'starting' } }],
    ['Up 3 minutes', { Health: { Status: 'none' } }],
    ['Restarting (1) 5 seconds ago', { Restarting: true, ExitCode: 1, FinishedAt: ago(5) }],
    ['Created', { Running: false, Status: 'created', StartedAt: ZERO }],
    ['Exited (137) 2 hours ago', { Running: false, Status: 'exited', ExitCode: 137, FinishedAt: ago(7200) }],
    ['Dead', { Running: false, Status: 'dead', Dead: true }],
    ['Removal In Progress', { Running: false, Status: 'removing' }],
  ] as Array<[string, Partial<ContainerState>]>) {
    test(expected, () => assert.equal(statusText(state(changes), NOW), expected));
  }

  for (const [seconds, expected] of [
    [0.5, 'Less than a second'],
    [1.9, '1 second'],
    [59.9, '59 seconds'],
    [60, 'About a minute'],
    [119, 'About a minute'],
    [120, '2 minutes'],
    [3599, '59 minutes'],
    [3600, 'About an hour'],
    [3600 * 1.6, '2 hours'],
    [3600 * 47, '47 hours'],
    [3600 * 48, '2 days'],
    [86400 * 13, '13 days'],
    [86400 * 14, '2 weeks'],
    [86400 * 60, '2 months'],
    [86400 * 800, '2 years'],
  ] as const) {
    test(`${seconds} s are ${expected}`, () => assert.equal(durationText(seconds), expected));
  }
});
