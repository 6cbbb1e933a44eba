/** No host is lost, and the machine is as busy as can be: every change of a host's state, and every other task, is a false alarm. */
import { type ChildProcess, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { Cluster } from './cluster.ts';

const LOAD = Number(process.env.LOAD ?? 40);
const LOOK_MS = 250;
const TELL_MS = 60_000;

/** Takes all the processor that it gets, and a page of memory now and then. */
const BUSY =
  'for (;;) { const rows = []; for (let i = 0; i < 1e5; i++) rows.push({ i }); rows.sort((a, b) => b.i - a.i); }';

class Load implements Disposable {
  readonly #programs: ChildProcess[];

  constructor(count: number) {
    const args = ['--max-old-space-size=64', '-e', BUSY];
    this.#programs = Array.from({ length: count }, () => spawn(process.execPath, args, { stdio: 'ignore' }));
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs) program.kill('SIGKILL');
  }
}

/** True: there was no false alarm. */
export async function calm(minutes: number): Promise<boolean> {
  await using cluster = await Cluster.on('essaim', ['lea', 'leb', 'lec']);
  await cluster.settle();
  const tasks = new Set((await cluster.tasks()).map(({ ID }) => ID));
  const states = new Map((await cluster.nodes()).map(({ ID, Status }) => [ID, Status.State]));
  using _ = new Load(LOAD);
  const end = performance.now() + minutes * 60_000;
  let alarms = 0;
  let told = performance.now();
  let loads = 0;
  let looks = 0;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    for (const { ID, Description, Status } of await cluster.nodes()) {
      if (states.get(ID) === Status.State) continue;
      states.set(ID, Status.State);
      if (Status.State !== 'ready') alarms++;
      console.log(new Date().toISOString(), Description.Hostname, Status.State, Status.Message ?? '');
    }
    loads += loadavg()[0]!;
    looks++;
    if (performance.now() - told < TELL_MS) continue;
    told += TELL_MS;
    console.log(`${((end - told) / 60_000).toFixed(0)} minutes left, load ${loadavg()[0]!.toFixed(0)}`);
  }
  const others = (await cluster.tasks()).filter(({ ID }) => !tasks.has(ID)).length;
  console.log(
    `${minutes} minutes at a load of ${(loads / looks).toFixed(0)}: ${alarms} false alarms, ${others} tasks replaced (0 wanted)`,
  );
  return alarms === 0 && others === 0;
}
