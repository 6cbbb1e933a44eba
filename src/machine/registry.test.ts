import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Machine } from './driver.ts';
import {
  checkName,
  deleteMachine,
  getMachine,
  listMachines,
  machineDirectory,
  saveMachine,
} from './registry.ts';

const usersHome = process.env.ESSAIM_HOME;
let work: string;
before(async () => {
  work = await mkdtemp(join(tmpdir(), 'essaim-registry-'));
  process.env.ESSAIM_HOME = join(work, 'home');
});
after(async () => {
  if (usersHome === undefined) delete process.env.ESSAIM_HOME;
  else process.env.ESSAIM_HOME = usersHome;
  await rm(work, { recursive: true });
});

const machine = (name: string): Machine => ({
  name,
  driver: 'lab',
  address: '192.168.99.101',
  directory: machineDirectory(name),
  dns: '127.0.0.1',
  phase: 'ready',
  createdAt: '2026-01-01T00:00:00.000Z',
});

test('names must do as host names', () => {
  for (const name of ['node1', 'a', 'A-b.c', 'x'.repeat(48)]) checkName(name);
  for (const name of ['', '-a', 'a-', 'a_b', 'a/b', '..', 'a b', 'é', 'x'.repeat(49)]) {
    assert.throws(() => checkName(name), /Invalid machine name/);
  }
});

test('machines are listed as people count, and leave nothing when the last is deleted', async () => {
  assert.deepEqual(await listMachines(), []);
  for (const name of ['node10', 'node9']) await saveMachine(machine(name));
  assert.deepEqual(
    (await listMachines()).map((m) => m.name),
    ['node9', 'node10'],
  );
  assert.deepEqual(await getMachine('node9'), machine('node9'));
  for (const name of ['node10', 'node9']) await deleteMachine(machine(name));
  assert.deepEqual(await readdir(work), []);
});

test('an unknown machine and a damaged record are told apart', async () => {
  await assert.rejects(getMachine('nope'), /Machine "nope" does not exist/);
  await saveMachine(machine('bad'));
  await writeFile(join(machineDirectory('bad'), 'machine.json'), '{');
  await assert.rejects(getMachine('bad'), /is damaged/);
});
