/** All services, with what runs of them; each can be scaled where it stands. */
import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { Link as Route } from 'wouter';
import type { ServiceRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { portText } from '../format/ports.ts';
import { serviceTone, serviceWord } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Scale } from '../parts/Scale.tsx';
import { Sign } from '../parts/Sign.tsx';
import { type Rights, useRights } from '../parts/who.ts';

function columns(rights: Rights): Array<Column<ServiceRow>> {
  return [
    {
      key: 'name',
      title: 'Name',
      width: 'minmax(8rem, 2fr)',
      value: ({ name }) => name,
      cell: ({ id, name }) => <Link to={`/services/${id}`}>{name}</Link>,
    },
    {
      key: 'state',
      title: 'State',
      width: '9rem',
      value: serviceWord,
      cell: (row) => (
        <span title={row.problems.join('\n') || row.update?.message}>
          <Sign tone={serviceTone(row)} word={serviceWord(row)} />
        </span>
      ),
    },
    {
      key: 'replicas',
      title: 'Running',
      width: '4.5rem',
      value: ({ running }) => running,
      cell: ({ running, wanted }) => (
        <span data-replicas>
          {running}/{wanted}
        </span>
      ),
    },
    {
      key: 'scale',
      title: 'Wanted',
      width: '8.5rem',
      value: ({ wanted }) => wanted,
      cell: (row) =>
        row.mode === 'replicated' && rights.change(row.stack) ? (
          <Scale service={row} />
        ) : (
          <Text
            size="xs"
            c="dimmed"
            title={row.mode === 'global' ? 'one on each node: there is nothing to scale' : undefined}
          >
            {row.mode}
          </Text>
        ),
      phone: 'hide',
    },
    { key: 'image', title: 'Image', width: 'minmax(8rem, 2fr)', value: ({ image }) => image, phone: 'hide' },
    {
      key: 'ports',
      title: 'Ports',
      width: 'minmax(5rem, 1fr)',
      value: ({ ports }) => ports.map(portText).join(', '),
      phone: 'hide',
    },
    {
      key: 'updated',
      title: 'Changed',
      width: '6rem',
      value: ({ updated }) => updated,
      cell: ({ updated }) => <Age of={updated} />,
      phone: 'hide',
    },
  ];
}

const serviceText = ({ stack }: ServiceRow): string => stack ?? '';

export function ServiceTable({ filter }: { filter?: Record<string, string> }) {
  const services = useList('services', filter);
  const rights = useRights();
  // biome-ignore lint/correctness/useExhaustiveDependencies: rights are those of the account
  const shown = useMemo(() => columns(rights), [rights.account]);
  return (
    <DataTable
      label="services"
      list={services}
      columns={shown}
      href={({ id }) => `/services/${id}`}
      text={serviceText}
      empty={
        <Stack gap="xs">
          <Text>No service runs here yet.</Text>
          <Group gap="xs">
            <Text size="sm">
              <Link to="/stacks/new">Deploy a stack</Link>, make <Link to="/services/new">one service</Link>,
              or use the docker command:
            </Text>
          </Group>
          <Code block>docker service create --name web --replicas 3 --publish 8080:80 nginx</Code>
        </Stack>
      }
    />
  );
}

export function Services() {
  const { account } = useRights();
  return (
    <Page
      title="Services"
      actions={
        account.role !== 'viewer' && (
          <Button size="xs" component={Route} href="/services/new">
            New service
          </Button>
        )
      }
    >
      <ServiceTable />
    </Page>
  );
}
