import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortcomings } from './requirements.ts';

const good = { platform: 'linux', uid: 0, missingPrograms: [], missingFeatures: [] };

test('nothing is missing where all is there', () => assert.deepEqual(shortcomings(good), []));

test('another system is told so, and nothing else', () => {
  const lines = shortcomings({ ...good, platform: 'darwin', uid: 501, missingPrograms: ['ip'] });
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /this is darwin/);
});

test('without root there is one thing to do', () => {
  assert.deepEqual(shortcomings({ ...good, uid: 1000 }), ['you are not root: use sudo']);
});

test('a folder of an engine says what it lacks, and is not looked for where hosts see nothing', () => {
  const lines = (path: string, ...missing: string[]) =>
    shortcomings({ ...good, engineFolder: { path, missing } });
  assert.deepEqual(lines('/opt/engine/bin'), []);
  assert.match(
    lines('/opt/engine/bin', 'runc', 'docker-init').join(),
    /^\/opt\/engine\/bin holds no runc, docker-init: /,
  );
  for (const path of ['/run/engine', '/var/run/engine', '/opt/a:b']) {
    assert.match(lines(path).join(), /^an engine cannot be taken from /);
  }
  assert.deepEqual(lines('/runner/engine'), []);
});

test('a missing program is named with its package, beside what the kernel lacks', () => {
  const lines = shortcomings({
    ...good,
    missingPrograms: ['dockerd', 'ip'],
    missingFeatures: ['no bridges'],
  });
  assert.deepEqual(lines, [
    'dockerd is not installed: package docker.io (or docker-ce)',
    'ip is not installed: package iproute2',
    'no bridges',
  ]);
});
