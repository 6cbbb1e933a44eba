/** What it means to take the tasks off a node, in words. */
import type { DrainPlan } from '../../../src/ui/protocol.ts';
import { counted } from './size.ts';

/** More of a kind are only counted. */
const MOST = 8;

export function drainLines({ tasks, emptied }: DrainPlan): Array<{ text: string; isBad: boolean }> {
  if (tasks.length === 0) return [{ text: 'No task runs on it.', isBad: false }];
  const moving = tasks.filter(({ fits }) => fits.length > 0);
  const global = tasks.filter(({ isGlobal }) => isGlobal);
  const stuck = tasks.filter(({ fits, isGlobal }) => fits.length === 0 && !isGlobal);
  const local = moving.filter(({ volumes }) => volumes.length > 0);
  const said = (rows: string[], isBad: boolean) => [
    ...rows.slice(0, MOST).map((text) => ({ text, isBad })),
    ...(rows.length > MOST ? [{ text: `and ${counted(rows.length - MOST, 'task')} more`, isBad }] : []),
  ];
  return [
    ...said(
      moving.map(({ name, fits }) => `${name} moves: it fits on ${fits.join(', ')}`),
      false,
    ),
    ...said(
      stuck.map(({ name, why }) => `${name} fits nowhere: ${why.join('; ') || 'there is no other node'}`),
      true,
    ),
    ...said(
      local.map(
        ({ name, volumes }) => `${name} begins with an empty volume elsewhere: ${volumes.join(', ')} stays`,
      ),
      true,
    ),
    ...emptied.map((name) => ({ text: `No task of ${name} would run any more`, isBad: true })),
    ...(global.length > 0
      ? [{ text: `${counted(global.length, 'task')} of global services stop`, isBad: false }]
      : []),
  ];
}
