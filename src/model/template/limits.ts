/** How much work one template may be: others wait meanwhile, for one thread does the expanding. */

/** Blocks, parentheses and templates in each other: each takes some calls of functions. */
const DEEPEST = 400;
/** A step of the template or a byte that a function reads or writes. Some tenths of a second. */
const MOST_WORK = 16 * 2 ** 20;
const STEP = 32;

/** The template is more work than is allowed. */
export class LimitError extends Error {}

/** What is left for one template, those that it expands itself included. */
export class Limits {
  #work = MOST_WORK;
  #depth = 0;

  /** Throws LimitError when too much has been done. */
  step(): void {
    this.bytes(STEP);
  }

  /** The same for something that takes as long as it is. */
  bytes(count: number): void {
    this.#work -= count;
    if (this.#work < 0) throw new LimitError('the template takes too much work');
  }

  /** Does something that may come to this place again. Throws LimitError when that goes too deep. */
  deeper<T>(action: () => T): T {
    if (this.#depth === DEEPEST)
      throw new LimitError(`more than ${DEEPEST} blocks and templates in each other`);
    this.#depth++;
    try {
      return action();
    } finally {
      this.#depth--;
    }
  }
}
