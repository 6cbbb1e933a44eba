/** Work in parts of which each is done, whatever becomes of the others. */

/** Does a part of the work and takes its failure. Never rejects. */
export type Attempt = (work: () => Promise<void>) => Promise<void>;

/** @returns how to do a part, and what has gone wrong in those that are done */
export function attempts(): { failures: readonly Error[]; attempt: Attempt } {
  const failures: Error[] = [];
  const attempt: Attempt = (work) =>
    work().catch((error: unknown) => {
      failures.push(error instanceof Error ? error : new Error(String(error)));
    });
  return { failures, attempt };
}

/** One error that says all that went wrong. */
export function together(failures: readonly Error[]): Error {
  if (failures.length === 1) return failures[0]!;
  return new AggregateError(failures, failures.map(({ message }) => message).join('; '));
}
