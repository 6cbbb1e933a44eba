import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileStore } from './file-store.ts';
import type { TaskFile } from './task-files.ts';

const TMPFS_MAGIC = 0x01021994;

test('files lie in memory that only root can enter, and nothing is left', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'essaim-files-')), 'files');
  const store = new FileStore(folder);
  const file: TaskFile = { target: '/a', content: Buffer.from('x'), uid: 7, gid: 8, mode: 0o440 };
  try {
    const [mount] = await store.put('t1', [file]);
    await store.put('t2', [file]);
    assert.equal(mount!.target, '/a');
    const { mode, uid, gid } = await stat(mount!.source);
    assert.deepEqual([mode & 0o777, uid, gid], [0o440, 7, 8]);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await statfs(folder)).type, TMPFS_MAGIC, 'it is a tmpfs');
    await store.put('t1', [{ ...file, content: Buffer.from('y') }]);
    assert.equal(await readFile(mount!.source, 'utf8'), 'y');
    await store.drop('t2');
    assert.deepEqual(await readdir(folder), ['t1']);
    await new FileStore(folder).recover(new Set(['t1']));
    assert.deepEqual(await readdir(folder), ['t1']);
    await new FileStore(folder).recover(new Set());
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await store.clear();
    await store.clear();
  }
  await assert.rejects(stat(folder));
  assert.ok(!execFileSync('mount', { encoding: 'utf8' }).includes(folder));
  await rm(join(folder, '..'), { recursive: true });
});

const script: TaskFile = {
  ...{ target: '/ep.sh', content: Buffer.from('#!/bin/sh\necho it ran\n') },
  ...{ uid: 0, gid: 0, mode: 0o755 },
};

/** The flags of the mount that the file is on. */
const flagsOf = (file: string): string[] =>
  execFileSync('findmnt', ['-no', 'VFS-OPTIONS', '-T', file], { encoding: 'utf8' }).trim().split(',');

async function executes(folder: string): Promise<void> {
  const store = new FileStore(folder);
  try {
    const [mount] = await store.put('t', [script]);
    const { source } = mount!;
    assert.equal(execFileSync(source, { encoding: 'utf8' }), 'it ran\n');
    assert.deepEqual(flagsOf(source), ['rw', 'relatime'], 'what engines keep is what Docker has');
  } finally {
    await store.clear();
  }
}

test('files may be executed where the folder lies in memory that nothing may be executed in', async () => {
  const folder = await mkdtemp('/dev/shm/essaim files-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'tmpfs', folder]);
  try {
    await mkdir(join(folder, 'daemon'));
    await executes(join(folder, 'daemon', 'files'));
  } finally {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  }
});

test('files may be executed where an earlier version has mounted the memory, and its files stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-files-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700,noexec,nosuid,nodev', 'tmpfs', folder]);
  await mkdir(join(folder, 'old'));
  const mounts = () => execFileSync('mount', { encoding: 'utf8' }).split(folder).length - 1;
  assert.equal(mounts(), 1);
  const next = new FileStore(folder);
  await next.recover(new Set(['old']));
  await next.put('new', [script]);
  assert.equal(mounts(), 1, 'nothing is mounted over it');
  assert.deepEqual((await readdir(folder)).sort(), ['new', 'old']);
  await executes(folder);
  assert.equal(mounts(), 0);
});
