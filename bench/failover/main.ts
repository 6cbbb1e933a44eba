/**
 * The leading manager of three is lost, again and again (`rounds.ts`). With `--minutes N`: the state of three managers for
 * so long while all kinds of things befall them (`run/run.ts`).
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { minutes: { type: 'string' } } });
if (values.minutes === undefined) await import('./rounds.ts');
else {
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error('--minutes takes a number of minutes, for example 10');
  const { faultRun } = await import('./run/run.ts');
  process.exitCode = (await faultRun(minutes)) ? 0 : 1;
}
