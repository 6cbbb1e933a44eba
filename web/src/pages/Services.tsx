/** All services, with what runs of them. */
import { Code, Stack, Text } from '@mantine/core';
import type { ServiceRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { portText } from '../format/ports.ts';
import { serviceTone, serviceWord } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';

const COLUMNS: Array<Column<ServiceRow>> = [
  { key: 'name', title: 'Name', width: 'minmax(8rem, 2fr)', value: ({ name }) => name },
  {
    key: 'state',
    title: 'State',
    width: '9rem',
    value: serviceWord,
    cell: (row) => <Sign tone={serviceTone(row)} word={serviceWord(row)} />,
  },
  {
    key: 'replicas',
    title: 'Running',
    width: '6rem',
    value: ({ running }) => running,
    cell: ({ running, wanted }) => (
      <span data-replicas>
        {running}/{wanted}
      </span>
    ),
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

export function Services() {
  const services = useList('services');
  return (
    <Page title="Services">
      <DataTable
        label="services"
        list={services}
        columns={COLUMNS}
        text={({ stack }) => stack ?? ''}
        empty={
          <Stack gap="xs">
            <Text>No service runs here yet.</Text>
            <Code block>docker service create --name web --replicas 3 --publish 8080:80 nginx</Code>
          </Stack>
        }
      />
    </Page>
  );
}
