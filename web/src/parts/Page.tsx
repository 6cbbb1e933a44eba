/** The frame of every page: its title, what can be done, its content. */
import { Group, Stack, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** Beside the title. */
  mark?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, mark, actions, children }: Props) {
  useDocumentTitle(`${title} · Essaim`);
  return (
    <Stack gap="md">
      <Group justify="space-between" gap="xs">
        <Group gap="sm">
          <Title order={1} size="h3">
            {title}
          </Title>
          {mark}
        </Group>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
