/** What befalls a host, at a moment that is chosen: whatever it takes is ready on that host before. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Lab } from '../../test/support/lab.ts';

const UNPLUG = 'ip link set eth0 down';
const PLUG_IN = 'ip link set eth0 up';

/** Resolves when it is done. */
export type Strike = () => Promise<void>;

/** A command that waits on the host for its moment: a program that has to be started there first would count as time. */
export async function armed(lab: Lab, host: string, command: string): Promise<Strike> {
  const shell = lab.spawn('ssh', host, `echo armed; read now; ${command}; echo done`);
  // What becomes of the shell of a host that is lost is of no interest.
  shell.stdin!.on('error', () => {});
  await Promise.race([once(shell.stdout!, 'data'), ended(shell)]);
  return async () => {
    shell.stdin!.end('\n');
    await Promise.race([once(shell.stdout!, 'data'), once(shell, 'close')]);
  };

  async function ended(child: typeof shell): Promise<never> {
    const [code] = await once(child, 'close');
    throw new Error(`${host}: the shell that waits for its moment has ended with exit code ${code}`);
  }
}

/** The host's link to all others is cut. */
export function cutOff(lab: Lab, host: string): Promise<Strike> {
  return armed(lab, host, UNPLUG);
}

/** The same, and it is whole again after so long (ms). Gives how long it was in truth: a busy machine takes its time. */
export async function cutOffFor(lab: Lab, host: string, ms: number): Promise<() => Promise<number>> {
  const clock = (name: string): string => `read ${name} _ < /proc/uptime`;
  const command = `${clock('a')}; ${UNPLUG}; sleep ${ms / 1000}; ${PLUG_IN}; ${clock('b')}; echo "$a $b"`;
  const shell = lab.spawn('ssh', host, `echo armed; read now; ${command}`);
  const lines = createInterface({ input: shell.stdout! })[Symbol.asyncIterator]();
  await lines.next();
  return async () => {
    shell.stdin!.end('\n');
    const { value } = await lines.next();
    const [from = NaN, to = NaN] = String(value).split(' ').map(Number);
    return (to - from) * 1000;
  };
}

export async function plugIn(lab: Lab, host: string): Promise<void> {
  await lab.ssh(host, PLUG_IN);
}

/** Everything on the host ends at once, and nobody hears of it. */
export async function powerCut(lab: Lab, host: string): Promise<Strike> {
  const init = await readFile(join(lab.home, 'machines', host, 'init'), 'utf8');
  const unplug = await cutOff(lab, host);
  return async () => {
    // The kernel of such a host goes on until all that there was is gone.
    await unplug();
    process.kill(Number.parseInt(init, 10), 'SIGKILL');
  };
}

/** After `powerCut`. */
export async function powerOn(lab: Lab, host: string): Promise<void> {
  await lab.must('kill', host);
  await lab.must('start', host);
}
