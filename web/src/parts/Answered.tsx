/** What a request has answered; in its place what there is to say until then, or why there is no answer. */
import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { RequestError } from '../api/http.ts';
import { Failed } from './Failed.tsx';

interface Props<T> {
  /** Within a sentence: `the files`. */
  what: string;
  query: { data: T | undefined; error: Error | null; refetch: () => unknown };
  height?: number;
  children: (data: T) => ReactNode;
}

export function Answered<T>({ what, query: { data, error, refetch }, height = 120, children }: Props<T>) {
  const name = what[0]!.toUpperCase() + what.slice(1);
  if (error) {
    const isFinal = error instanceof RequestError && [403, 404].includes(error.status);
    const again = isFinal ? undefined : () => void refetch();
    return <Failed title={`${name} cannot be shown`} message={error.message} again={again} />;
  }
  if (data === undefined) return <Skeleton height={height} aria-label={`${name} are being loaded`} />;
  return children(data);
}
