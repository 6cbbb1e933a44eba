/** The audit: who has changed what, from where. */
import { Text } from '@mantine/core';
import { useMemo } from 'react';
import type { AuditRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { deedText } from '../format/activity.ts';
import { Age } from '../parts/Age.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Page } from '../parts/Page.tsx';

const AUDIT: Array<Column<AuditRow>> = [
  { key: 'at', title: 'When', width: '7rem', value: ({ at }) => at, cell: ({ at }) => <Age of={at} /> },
  {
    key: 'actor',
    title: 'Who',
    width: '8rem',
    value: ({ actor, via }) => (via === 'session' ? actor : `${actor} (${via})`),
  },
  { key: 'address', title: 'From', width: '9rem', value: ({ address }) => address, phone: 'hide' },
  { key: 'what', title: 'What', width: 'minmax(10rem, 3fr)', value: deedText },
  {
    key: 'request',
    title: 'Request',
    width: 'minmax(8rem, 2fr)',
    value: ({ method, path }) => `${method} ${path}`,
    phone: 'hide',
  },
  { key: 'status', title: 'Answer', width: '5rem', value: ({ status }) => status, phone: 'hide' },
];

export function Activity() {
  const list = useList('audit');
  const newest = useMemo(
    () => ({ ...list, rows: list.rows.toSorted((a, b) => (a.at < b.at ? 1 : -1)) }),
    [list],
  );
  return (
    <Page title="Activity">
      <DataTable
        label="entries"
        list={newest}
        columns={AUDIT}
        isOrdered
        empty={<Text>Nothing was changed yet.</Text>}
      />
    </Page>
  );
}
