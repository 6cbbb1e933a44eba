/** Strategies: which of the hosts that could take a container takes it. */
import { ApiError } from '../../model/errors.ts';
import { type Candidate, used } from './candidate.ts';
import type { Ask } from './container-config.ts';

/** The host that takes it. @throws ApiError if none has what it asks for */
export type Strategy = (ask: Ask, candidates: readonly Candidate[], random: () => number) => Candidate;

/** By name; `binpacking` is another one for `binpack`. */
export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  spread: ranked(-10, (a, b) => a - b),
  binpack: ranked(10, (a, b) => b - a),
  binpacking: ranked(10, (a, b) => b - a),
  random: (_, candidates, random) => pick(candidates, random),
};

/** A host's health outweighs what it has left; what it has left outweighs how many containers are on it. */
function ranked(healthFactor: number, order: (a: number, b: number) => number): Strategy {
  return (ask, candidates, random) => {
    const weighed = candidates.flatMap((candidate) => {
      const weight = weigh(ask, candidate, healthFactor);
      return weight === undefined ? [] : [{ candidate, weight, count: candidate.occupants.length }];
    });
    if (weighed.length === 0) throw new ApiError(500, 'no resources available to schedule container');
    const compare = (a: (typeof weighed)[0], b: (typeof weighed)[0]): number =>
      order(a.weight, b.weight) || order(a.count, b.count);
    const best = weighed.reduce((best, each) => (compare(each, best) < 0 ? each : best));
    const equal = weighed.filter((each) => compare(each, best) === 0);
    return pick(equal, random).candidate;
  };
}

/** Undefined if the host has not enough left. */
function weigh(ask: Ask, candidate: Candidate, healthFactor: number): number | undefined {
  if (candidate.memory < ask.memory || candidate.cpus < ask.cpus) return undefined;
  const { memory, cpus } = used(candidate);
  const share = (taken: number, asked: number, total: number): number =>
    asked > 0 ? Math.trunc(((taken + asked) * 100) / total) : 100;
  // In whole percent a little more than there is would pass.
  if (ask.cpus > 0 && cpus + ask.cpus > candidate.cpus) return undefined;
  if (ask.memory > 0 && memory + ask.memory > candidate.memory) return undefined;
  return (
    share(cpus, ask.cpus, candidate.cpus) +
    share(memory, ask.memory, candidate.memory) +
    healthFactor * candidate.health
  );
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)]!;
}
