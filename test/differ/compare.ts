/** What the two sides said, line by line, and what of it differs. */
import { diff } from 'node:util';
import type { Outcome } from '../support/lab.ts';
import type { Decision } from './decided.ts';
import { normal } from './normal.ts';
import type { Side } from './side.ts';

/** What differs in what a command said: `- ` is before the lines that only Docker's swarm has, `+ ` before Essaim's. */
export interface Difference {
  readonly group: string;
  readonly command: string;
  readonly lines: readonly string[];
}

/** All that a command has said: the lines of stderr are marked, the exit code is the last one. */
export function said({ code, stdout, stderr }: Outcome, side: Side): string[] {
  const lines = (text: string) => normal(text, side.addresses).split('\n').filter(Boolean);
  return [...lines(stdout), ...lines(stderr).map((line) => `stderr: ${line}`), `exit code ${code}`];
}

/** The lines that differ, in order; neither text may be empty. */
export function differing(swarm: readonly string[], essaim: readonly string[]): string[] {
  const marks = { 1: '- ', [-1]: '+ ' };
  return diff([...swarm], [...essaim]).flatMap(([side, line]) => (side === 0 ? [] : `${marks[side]}${line}`));
}

/** What is left of a difference when all that is decided is taken out of it; `seen` hears of each decision that was. */
export function undecided(
  difference: Difference,
  decisions: readonly Decision[],
  seen: (decision: Decision, place: string) => void,
): string[] {
  let left = difference.lines;
  const places = [difference.group, `${difference.group}: ${difference.command}`];
  for (const decision of decisions) {
    const place = decision.places.find((candidate) => places.includes(candidate));
    const rest = place && without(left, decision.lines);
    if (!rest) continue;
    left = rest;
    seen(decision, place);
  }
  return [...left];
}

/** The lines without those others, or undefined if not all of them are there. */
function without(lines: readonly string[], others: readonly string[]): string[] | undefined {
  const rest = [...lines];
  for (const line of others) {
    const at = rest.indexOf(line);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest;
}
