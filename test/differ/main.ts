/**
 * What the docker CLI says on an Essaim swarm and on Docker's own one, on engines of the same version: some 840 commands are
 * run on both, and every difference of output and exit code is printed that decided.txt does not list. One that is listed
 * there and no longer seen is printed, too. Either makes the exit code 1. No traffic goes through the networks.
 *
 *   npm run differ [-- GROUP…]        all groups, or some of groups/ by name; ENGINE=26 or 28 chooses the engines
 *   npm run differ -- --all GROUP…    what is decided, too
 */
import { parseArgs } from 'node:util';
import { differing, said } from './compare.ts';
import { decided } from './decided.ts';
import { GROUPS } from './groups/all.ts';
import { Report } from './report.ts';
import { Side } from './side.ts';
import type { Group, Step } from './step.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: 'boolean' } } });
const unknown = positionals.filter((name) => !GROUPS.some((group) => group.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no group ${unknown.join(', ')}: ${GROUPS.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}
const chosen = GROUPS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

/** Ends the run after the step at hand, with all hosts removed. */
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));

const report = new Report(decided(process.env.ENGINE || '20'), values.all ?? false);
const finished = new Set<string>();
{
  await using swarm = await Side.of('swarm');
  await using essaim = await Side.of('essaim');
  for (const group of chosen) {
    const started = performance.now();
    try {
      await Promise.all([swarm.begin(group.begins), essaim.begin(group.begins)]);
      for (const step of group.steps) {
        interrupted.signal.throwIfAborted();
        await run(group, step, swarm, essaim);
      }
      finished.add(group.name);
    } catch (error) {
      interrupted.signal.throwIfAborted();
      report.stopped(group.name, error as Error);
    }
    process.stderr.write(`${group.name}: ${Math.round((performance.now() - started) / 1000)} s\n`);
  }
}
if (!report.end(finished)) process.exitCode = 1;

async function run(group: Group, step: Step, swarm: Side, essaim: Side): Promise<void> {
  if (typeof step === 'object' && 'quietly' in step) {
    await Promise.all([swarm, essaim].map((side) => side.prepare(step)));
    return;
  }
  if (typeof step === 'object' && 'restart' in step) {
    await Promise.all([swarm, essaim].map((side) => side.restart(step.restart)));
    return;
  }
  if (typeof step === 'object' && 'until' in step) {
    const [theirs, ours] = await Promise.all([swarm, essaim].map((side) => side.until(step)));
    const lines = (late: string | undefined) => [late === undefined ? 'in time' : `not in time: ${late}`];
    report.add({ group: group.name, command: step.until, lines: differing(lines(theirs), lines(ours)) });
    return;
  }
  const [command, host] = typeof step === 'string' ? [step, 'one' as const] : [step.two, 'two' as const];
  const [theirs, ours] = await Promise.all([swarm, essaim].map((side) => side.run(command, host)));
  const lines = differing(said(theirs!, swarm), said(ours!, essaim));
  report.add({ group: group.name, command: host === 'one' ? command : `on ${host}: ${command}`, lines });
}
