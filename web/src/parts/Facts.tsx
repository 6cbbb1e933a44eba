/** What there is to know of one thing, at the top of its page: facts, each with its name. */
import { DataList } from '@mantine/core';
import type { ReactNode } from 'react';

/** Beside each other, as many as there is room for. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <DataList orientation="vertical" className="facts">
      {children}
    </DataList>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <DataList.Item>
      <DataList.ItemLabel>{name}</DataList.ItemLabel>
      <DataList.ItemValue>{children}</DataList.ItemValue>
    </DataList.Item>
  );
}
