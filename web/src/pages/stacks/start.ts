/** What the editor of a stack begins with, and what others have done meanwhile. */
import type { StackDifference } from '../../../../src/ui/protocol.ts';
import { get } from '../../api/http.ts';
import { stackApi } from '../../format/paths.ts';
import type { Revision } from './Revisions.tsx';

/** In place of a revision: what runs. */
export const LIVE = 'runs';

export type Files = Record<string, string>;

export interface Start {
  files: Files;
  /** The revision that it is made from. */
  base?: number;
  isExported?: boolean;
}

/** What the editor begins with: a revision, or what runs. */
export async function startOf(name: string, from: string | null): Promise<Start> {
  const revisions = await get<Array<{ number: number }>>(stackApi(name, '/revisions'));
  const base = revisions[0]?.number;
  const number = from ?? base;
  if (number !== undefined && number !== LIVE) {
    const { files } = await get<Revision>(stackApi(name, `/revisions/${number}`));
    return { files, base };
  }
  const { files } = await get<{ files: Files }>(stackApi(name, '/export'));
  return { files, base, isExported: true };
}

/** What others have deployed since that revision. */
export async function since(name: string, base: number | undefined): Promise<StackDifference | undefined> {
  const [last] = await get<Array<{ number: number }>>(stackApi(name, '/revisions'));
  if (!last || base === undefined) return undefined;
  return get<StackDifference>(stackApi(name, `/diff?a=${base}&b=${last.number}`));
}
