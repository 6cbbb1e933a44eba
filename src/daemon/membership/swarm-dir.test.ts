import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type MembershipRecord, SwarmDir } from './swarm-dir.ts';

const record: MembershipRecord = {
  nodeId: 'n1',
  role: 'worker',
  listenHost: '0.0.0.0',
  listenPort: 2377,
  advertiseHost: '10.0.0.1',
  advertisePort: 2377,
  managers: [{ NodeID: 'm', Addr: '10.0.0.2:2377' }],
};

function inFolder(fn: (data: string) => void): void {
  const data = mkdtempSync(join(tmpdir(), 'essaim-'));
  try {
    fn(data);
  } finally {
    rmSync(data, { recursive: true });
  }
}

test('a membership is in force only once it is whole', () =>
  inFolder((data) => {
    const folder = new SwarmDir(data).make();
    writeFileSync(join(folder, 'key'), 'half made');
    assert.equal(new SwarmDir(data).read(), undefined);
    const dir = new SwarmDir(data);
    dir.make();
    dir.enter(record);
    assert.deepEqual(new SwarmDir(data).read(), record);
  }));

test('a leave that was cut short is known and can be finished', () =>
  inFolder((data) => {
    const dir = new SwarmDir(data);
    dir.make();
    dir.enter(record);
    dir.leave();
    const after = new SwarmDir(data);
    assert.equal(after.read(), undefined);
    assert.deepEqual(after.unfinishedLeave(), record);
    after.left();
    assert.equal(after.unfinishedLeave(), undefined);
  }));

test('what is made or left in part is no membership, and the next daemon removes it', () =>
  inFolder((data) => {
    const dir = new SwarmDir(data);
    dir.make();
    dir.enter(record);
    dir.leave();
    const killed = new SwarmDir(data);
    // Killed before anything is removed.
    killed.discard = () => {};
    killed.left();
    const after = new SwarmDir(data);
    assert.equal(after.unfinishedLeave(), undefined);
    after.discard();
    assert.deepEqual(readdirSync(data), []);
  }));

test('a record that cannot be read says where it is and what to do', () =>
  inFolder((data) => {
    const dir = new SwarmDir(data);
    dir.make();
    dir.enter(record);
    writeFileSync(join(dir.path, 'node.json'), '{');
    assert.throws(() => dir.read(), /node\.json cannot be read .*remove/);
  }));
