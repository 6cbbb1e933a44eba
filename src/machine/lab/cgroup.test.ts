import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHierarchies, tracking } from './cgroup.ts';

const paths = (mounts: string): string[] => tracking(parseHierarchies(mounts)).map((h) => h.path);

test('version 2 alone: one tree', () => {
  const mounts = 'proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n';
  assert.deepEqual(paths(mounts), ['/sys/fs/cgroup']);
});

test('version 1, with the tree of version 2 beside it: where memory and processes are counted, and systemd', () => {
  const mounts = `tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,release_agent=/lib/x,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
  assert.deepEqual(paths(mounts), ['/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids', '/sys/fs/cgroup/systemd']);
  assert.deepEqual(parseHierarchies(mounts)[0]!.controllers, ['cpu', 'cpuacct']);
});

test('trees mounted elsewhere, as in containers of others, are none of ours', () => {
  assert.deepEqual(parseHierarchies('cgroup /mnt/x/memory cgroup rw,memory 0 0\n'), []);
});
