/** One thing of a live list; in its place what there is to say while it is not there. */
import { Skeleton, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { LiveList } from '../api/live.ts';
import { Failed } from './Failed.tsx';
import { Link } from './Link.tsx';
import { Page } from './Page.tsx';

interface Props<R> {
  /** `service` */
  kind: string;
  /** By which it was asked for. */
  name: string;
  list: LiveList<R>;
  is: (row: R) => boolean;
  /** The page of all of them. */
  all: string;
  /** Why it may be gone. */
  hint?: string;
  children: (row: R) => ReactNode;
}

export function Found<R>({ kind, name, list, is, all, hint, children }: Props<R>) {
  const row = list.rows.find(is);
  if (row) return children(row);
  const title = kind[0]!.toUpperCase() + kind.slice(1);
  if (list.isLoading) return <Skeleton height={200} aria-label={`The ${kind} is being loaded`} />;
  if (list.error)
    return (
      <Page title={title}>
        <Failed title={`The ${kind} cannot be shown`} message={list.error} />
      </Page>
    );
  return (
    <Page title={title}>
      <Text>
        There is no {kind} {name} (any more){hint && `: ${hint}`}. <Link to={all}>All {kind}s</Link>
      </Text>
    </Page>
  );
}
