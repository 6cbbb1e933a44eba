/** How the registry's routes are written: functions from a question to what is so now, and what has to change for it to be otherwise. */
import { ApiError } from '../../model/errors.ts';

export interface Question {
  readonly method: string;
  /** Decoded; a `{name...}` with its slashes. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  /** @throws ApiError 413 */
  bytes(): Promise<Buffer>;
}

export interface JsonAnswer {
  readonly status?: number;
  readonly body: unknown;
}

export interface RawAnswer {
  readonly status?: number;
  readonly raw: Buffer | string;
  /** Absent: text. */
  readonly type?: string;
}

export type Answer = JsonAnswer | RawAnswer;

/** Something that may be waited for. */
export interface Subject {
  /** Its index now. */
  index(): number;
  /** Resolves when its index is another one, or after so many milliseconds, or when aborted. */
  changed(known: number, ms: number, signal: AbortSignal): Promise<void>;
  /** What is so now; called after the waiting. */
  now(): Answer;
}

/** A Subject may be waited for; an answer is given at once. @throws ApiError */
export type Route = (question: Question) => Subject | Answer | Promise<Subject | Answer>;

export const badRequest = (text: string): ApiError => new ApiError(400, text);
export const notFound = (text: string): ApiError => new ApiError(404, text);

/** Parameters of Consul that would narrow an answer, and that are not known here: to leave them out would say too much. */
const NARROWING = ['filter', 'ns', 'partition', 'peer', 'sg', 'merge-central-config', 'connect'];
/** The one datacenter that there is. */
export const DATACENTER = 'dc1';

/** @throws ApiError for what cannot be done */
export function checkQuery(query: URLSearchParams): void {
  for (const name of NARROWING) {
    const value = query.get(name);
    if (value !== null && value !== '' && value !== 'default')
      throw badRequest(
        `The parameter ${name} is not supported by Essaim's registry: use tag, node-meta or passing`,
      );
  }
  const dc = query.get('dc');
  if (dc && dc !== DATACENTER)
    throw new ApiError(500, `No path to datacenter "${dc}": there is only ${DATACENTER}`);
}

/** True for a flag that is given, with whatever value but `false` and `0`. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's way to write a time, `1m30s`, in milliseconds; a number alone is nothing. Undefined for anything else. */
export function durationOf(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    total += Number(count) * UNITS[unit!]!;
  return total;
}
