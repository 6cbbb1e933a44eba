/** What has happened of late, on all hosts. */
import { Text } from '@mantine/core';
import { useMemo } from 'react';
import type { EventRow } from '../../../../src/ui/protocol.ts';
import { useList } from '../../api/live.ts';
import { Age } from '../../parts/Age.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { Page } from '../../parts/Page.tsx';

const COLUMNS: Array<Column<EventRow>> = [
  {
    key: 'at',
    title: 'When',
    width: '6rem',
    value: ({ at }) => at,
    cell: ({ at }) => <Age of={at} />,
    phone: 'hide',
  },
  {
    key: 'what',
    title: 'What',
    width: 'minmax(8rem, 2fr)',
    value: ({ type, action }) => `${type} ${action}`,
  },
  {
    key: 'of',
    title: 'Of',
    width: 'minmax(8rem, 3fr)',
    value: ({ name, of }) => name || of.replace('sha256:', '').slice(0, 12),
  },
  {
    key: 'node',
    title: 'Node',
    width: 'minmax(5rem, 1fr)',
    value: ({ nodeName, scope }) => (scope === 'swarm' ? 'the swarm' : nodeName),
    phone: 'hide',
  },
];

export function Events() {
  const list = useList('events');
  const newest = useMemo(
    () => ({ ...list, rows: list.rows.toSorted((a, b) => (a.at < b.at ? 1 : -1)) }),
    [list],
  );
  return (
    <Page title="Events">
      <DataTable
        label="events"
        list={newest}
        columns={COLUMNS}
        text={({ of }) => of}
        isOrdered
        empty={<Text>Nothing has happened in the last hour.</Text>}
      />
    </Page>
  );
}
