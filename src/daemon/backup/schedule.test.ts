import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testManager } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/lab.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { createBackup } from '../../manager/backup/contents.ts';
import { openMemoryStore } from '../../store/memory.ts';
import { sampleCluster } from '../../store/samples.ts';
import { listBackups } from './files.ts';
import { runSchedule } from './schedule.ts';

const HOUR = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'essaim-schedule-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Knows whether anybody waits for it. */
class CountingClock extends VirtualClock {
  pending = 0;
  override timer(ms: number, fn: () => void): () => void {
    let waits = true;
    const over = (): void => {
      if (waits) this.pending--;
      waits = false;
    };
    this.pending++;
    const cancel = super.timer(ms, () => {
      over();
      fn();
    });
    return () => {
      over();
      cancel();
    };
  }
}

test('a backup each time that one is due, the newest are kept, and a new daemon goes on as the one before', async () => {
  const clock = new CountingClock();
  const store = openMemoryStore();
  await store.commit({
    changes: [{ op: 'put', kind: 'cluster', object: sampleCluster('cluster1', 'k', 'w') }],
  });
  const manager = {
    ...testManager(store, [...store.view.all('cluster')][0]!),
    backup: (passphrase: string | undefined) =>
      createBackup(store.view, { nodeId: 'h', now: clock.now(), passphrase }),
  };
  const passphraseFile = join(folder, 'passphrase');
  const backups = join(folder, 'made', 'here');
  writeFileSync(passphraseFile, 'x\n');
  const errors: string[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (_: object, text: string) => errors.push(text) };
  let leads = false;
  const run = (signal: AbortSignal) =>
    runSchedule(
      { folder: backups, every: HOUR, keep: 2, passphraseFile },
      { manager: () => (leads ? manager : undefined), clock, log: log as never, signal },
    );
  const made = () => listBackups(backups).map(({ header }) => (Date.parse(header.created) - first) / HOUR);
  let first = 0;
  const count = (wanted: number) =>
    eventually('the backup is written', 30_000, async () => {
      const names = readdirSync(backups).filter((name) => name.endsWith('.essaim'));
      return names.length === wanted && names;
    });

  let daemon = new AbortController();
  let running = run(daemon.signal);
  await clock.advance(10 * 60_000);
  assert.throws(() => statSync(backups), 'only the manager that leads does it');
  leads = true;
  await clock.advance(60_000);
  await count(1);
  first = Date.parse(listBackups(backups)[0]!.header.created);
  await eventually('it waits', 30_000, async () => clock.pending > 0);
  daemon.abort();
  await running;

  // What a daemon that was killed had begun is no backup, and is removed with the next one.
  copyFileSync(listBackups(backups)[0]!.path, join(backups, 'cluster1-begun.essaim.part'));
  assert.deepEqual(made(), [0]);
  daemon = new AbortController();
  running = run(daemon.signal);
  for (let hour = 1; hour <= 3; hour++) {
    await eventually('it waits', 30_000, async () => clock.pending > 0);
    await clock.advance(HOUR);
    await eventually('the next is written', 30_000, async () => made().at(-1) === hour);
    await count(2);
  }
  assert.deepEqual(made(), [2, 3]);
  assert.deepEqual(
    readdirSync(backups).filter((name) => name.endsWith('.part')),
    [],
  );
  writeFileSync(passphraseFile, '\n');
  await eventually('it waits', 30_000, async () => clock.pending > 0);
  await clock.advance(HOUR);
  await eventually('it says why not', 30_000, async () => errors.length > 0);
  assert.match(errors[0]!, /no backup could be written to/);
  assert.deepEqual(made(), [2, 3]);
  daemon.abort();
  await running;
});
