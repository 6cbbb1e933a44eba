/** The data plane beside what it is put on: ways to a container, what a change costs, how soon it is everywhere, what starts cost. */
import { Swarm } from '../../test/support/swarm.ts';
import { measureChange } from './change.ts';
import { measureSoon } from './soon.ts';
import { measureStarts } from './starts.ts';
import { measureWays } from './ways.ts';

const ONLY = (process.env.ONLY ?? 'ways,soon,change,starts').split(',');
if (ONLY.includes('ways') || ONLY.includes('soon')) {
  await using swarm = await Swarm.on('bna', 'bnb');
  if (ONLY.includes('ways')) await measureWays(swarm, 'bna', 'bnb');
  if (ONLY.includes('soon')) await measureSoon(swarm);
}
if (ONLY.includes('change')) await measureChange();
if (ONLY.includes('starts')) await measureStarts();
