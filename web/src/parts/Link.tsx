/** A link within the interface. */
import { Anchor, type AnchorProps } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link as Route } from 'wouter';

export function Link({ to, children, ...rest }: AnchorProps & { to: string; children: ReactNode }) {
  return (
    <Anchor component={Route} href={to} size="sm" {...rest}>
      {children}
    </Anchor>
  );
}
