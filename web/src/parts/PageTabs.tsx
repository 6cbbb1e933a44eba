/** Parts of a page of which one is shown; which one is in the address. */
import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { useSearchParams } from 'wouter';

interface Part {
  name: string;
  title: string;
  show: () => ReactNode;
}

/** The first one is shown if the address names none of them. */
export function PageTabs({ parts }: { parts: Array<Part | false> }) {
  const [params, setParams] = useSearchParams();
  const all = parts.filter((part) => part !== false);
  const shown = all.find(({ name }) => name === params.get('tab')) ?? all[0]!;
  return (
    <Tabs
      value={shown.name}
      onChange={(value) => setParams({ tab: value ?? all[0]!.name }, { replace: true })}
      keepMounted={false}
    >
      <Tabs.List>
        {all.map(({ name, title }) => (
          <Tabs.Tab key={name} value={name}>
            {title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {all.map(({ name, show }) => (
        <Tabs.Panel key={name} value={name} pt="sm">
          {name === shown.name && show()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
