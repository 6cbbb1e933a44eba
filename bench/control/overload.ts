/**
 * A service that is scaled far beyond what its hosts can hold: how many tasks are made of it, and how long it takes until
 * nothing is left of it once it is removed. The processes are those of main.ts.
 *
 *   node bench/control/overload.ts [--agents N] [--replicas N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { print, Rig, seconds } from './rig.ts';
import { serviceSpec } from './workload.ts';

/** How long (ms) nothing may be written until the cluster counts as settled. */
const QUIET = 5_000;

const { values } = parseArgs({
  options: { agents: { type: 'string', default: '3' }, replicas: { type: 'string', default: '42000' } },
});
const replicas = Number(values.replicas);

const directory = mkdtempSync(join(tmpdir(), 'essaim-bench-'));
const rig = await Rig.start({ directory, tasks: replicas });
try {
  await rig.join(Number(values.agents));
  const begin = Date.now();
  await rig.client.post('/services/create', serviceSpec(1, replicas));
  const settled = await settle();
  print('nothing more is written', `after ${seconds(settled.at - begin)}`);
  print('tasks made', `${settled.tasks} of ${replicas}, ${settled.running} of them run`);

  const removing = Date.now();
  await rig.client.send('DELETE', '/services/bench-1');
  const gone = await rig.well(rig.manager.until((report) => report.type === 'gone'));
  print('tasks gone', `after ${seconds(gone.at - removing)}`);
  print('  placed, started after their service was gone', `${gone.placed}, ${gone.started}`);
} finally {
  await rig.end();
  rmSync(directory, { recursive: true });
}

/** When tasks were last written, and what there is then. */
async function settle(): Promise<{ at: number; tasks: number; running: number }> {
  for (;;) {
    rig.manager.ask();
    const state = await rig.well(rig.manager.next((report) => report.type === 'state'));
    if (state.tasks > 0 && Date.now() - state.at >= QUIET) return state;
    await rig.well(wait(500));
  }
}
