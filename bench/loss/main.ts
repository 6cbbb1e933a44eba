/**
 * A worker is lost, again and again: it loses its power, or is cut off. How long until it is called Down, and until its tasks
 * run elsewhere; and it is cut off for 1.5 s, which is to move nothing. Essaim, and Docker Swarm on engines of the same kind,
 * in turn in one run. With `--calm MINUTES`: nothing befalls a host of Essaim's for so long, while the machine has LOAD
 * programs (40) that take all the processor they get. Whatever changes then is a false alarm.
 */
import { parseArgs } from 'node:util';
import { calm } from './calm.ts';
import { losses } from './losses.ts';

const { values } = parseArgs({ options: { calm: { type: 'string' } } });
if (values.calm === undefined) await losses();
else {
  const minutes = Number(values.calm);
  if (!(minutes > 0)) throw new Error('--calm takes a number of minutes, for example 60');
  process.exitCode = (await calm(minutes)) ? 0 : 1;
}
