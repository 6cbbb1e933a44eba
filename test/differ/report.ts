/** Prints what differs and is not decided, as it is found, and at the end what was decided and is not seen any more. */
import { type Difference, undecided } from './compare.ts';
import type { Decision } from './decided.ts';

export class Report {
  readonly #decisions: readonly Decision[];
  /** Whether what is decided is printed, too. */
  readonly #all: boolean;
  /** What was seen of the decisions, and where. */
  readonly #seen = new Map<Decision, Set<string>>();
  #compared = 0;
  #different = 0;
  #undecided = 0;

  constructor(decisions: readonly Decision[], all: boolean) {
    this.#decisions = decisions;
    this.#all = all;
  }

  /** Hears of every command, also of those that differ in nothing. */
  add(difference: Difference): void {
    this.#compared += 1;
    if (difference.lines.length === 0) return;
    this.#different += 1;
    const left = undecided(difference, this.#decisions, (decision, place) =>
      this.#seen.set(decision, (this.#seen.get(decision) ?? new Set()).add(place)),
    );
    if (left.length > 0) this.#undecided += 1;
    const lines = this.#all ? difference.lines : left;
    if (lines.length > 0) print(`${difference.group}: ${difference.command}`, ...lines);
  }

  /** Something that later commands need could not be done: the group has ended before its time. */
  stopped(group: string, error: Error): void {
    this.#undecided += 1;
    print(`${group}: cannot go on`, error.message);
  }

  /** Prints the rest; whether all is as it was decided. `groups` are those that were run to their end. */
  end(groups: ReadonlySet<string>): boolean {
    let gone = 0;
    for (const decision of this.#decisions) {
      for (const place of decision.places) {
        const group = place.split(':')[0]!;
        if (!groups.has(group) || this.#seen.get(decision)?.has(place)) continue;
        gone += 1;
        print(place, `was decided, and is not seen: ${decision.reason}`, ...decision.lines);
      }
    }
    const counts = `${this.#compared} commands, ${this.#different} differ, ${this.#undecided} of them undecided`;
    print(`${counts}; ${gone} decided differences are not seen`);
    return this.#undecided + gone === 0;
  }
}

const print = (...lines: string[]): unknown => process.stdout.write(`\n${lines.join('\n')}\n`);
