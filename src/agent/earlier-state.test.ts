import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackupContents } from '../manager/backup/contents.ts';
import { versionBefore } from '../manager/backup/restored.ts';
import { isEarlierState } from './earlier-state.ts';

test('the state of the only manager of once is earlier than that of several, however long it is written to', () => {
  assert.equal(isEarlierState({ revision: 20, several: false }, 30), true);
  assert.equal(isEarlierState({ revision: 5_000, several: false }, 30), true);
});

test('the state of several managers is not, nor that of a swarm that has had one alone, nor of managers of before', () => {
  assert.equal(isEarlierState({ revision: 20, several: true }, 30), false);
  assert.equal(isEarlierState({ revision: 20, several: false }, undefined), false);
  assert.equal(isEarlierState({ revision: 20 }, 30), false);
});

test('a backup that is restored is not', () => {
  const header = { created: '2026-01-02T03:04:05Z', revision: 30 };
  const restored = versionBefore({ header } as BackupContents, Date.parse(header.created));
  assert.equal(isEarlierState({ revision: restored, several: false }, 30), false);
});
