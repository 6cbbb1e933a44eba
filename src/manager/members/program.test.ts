import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findEtcd, isBefore, parseVersion } from './program.ts';

test('the etcd of this host is found, with its version', async () => {
  const { path, version } = await findEtcd(process.env.ETCD);
  assert.match(path, /^\/.*etcd$/);
  assert.equal(version.major, 3);
});

test('a program that is missing, is none, or is too old is told, with what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcd-'));
  try {
    const says = async (text: string) => {
      const path = join(folder, 'program');
      await writeFile(path, `#!/bin/sh\n${text}\n`);
      await chmod(path, 0o755);
      return path;
    };
    await assert.rejects(findEtcd('etcd-that-is-not-there'), /apt-get install etcd-server/);
    await assert.rejects(says('echo hello').then(findEtcd), /is not etcd/);
    await assert.rejects(says('exit 1').then(findEtcd), /does not run/);
    await assert.rejects(says('echo etcd Version: 3.3.25').then(findEtcd), /is etcd 3.3.25: install 3.4/);
    await assert.rejects(says('echo etcd Version: 4.0.0').then(findEtcd), /is etcd 4.0.0/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('versions are compared by number', () => {
  const [a, b] = ['etcd Version: 3.5.9\nGit SHA: x', 'etcd Version: 3.5.30'].map(
    (text) => parseVersion(text)!,
  );
  assert.equal(isBefore(a!, b!), true);
  assert.equal(isBefore(b!, a!), false);
  assert.equal(isBefore(a!, a!), false);
  assert.equal(parseVersion('nothing'), undefined);
});
