/** All stacks, whoever has deployed them. */
import { Button, Stack, Text } from '@mantine/core';
import { Link as Route } from 'wouter';
import type { StackRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { stackPage } from '../format/paths.ts';
import { stackTone } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';

export function stackWord({ services, converged, updating }: StackRow): string {
  if (updating > 0) return 'updating';
  return services === converged ? 'running' : 'not all there';
}

const COLUMNS: Array<Column<StackRow>> = [
  {
    key: 'name',
    title: 'Name',
    width: 'minmax(8rem, 2fr)',
    value: ({ id }) => id,
    cell: ({ id }) => <Link to={stackPage(id)}>{id}</Link>,
  },
  {
    key: 'state',
    title: 'State',
    width: '9rem',
    value: stackWord,
    cell: (row) => (
      <span title={row.problems.join('\n')}>
        <Sign tone={stackTone(row)} word={stackWord(row)} />
      </span>
    ),
  },
  {
    key: 'services',
    title: 'Services',
    width: '6rem',
    value: ({ services }) => services,
    cell: ({ services, converged }) => `${converged}/${services}`,
  },
  {
    key: 'tasks',
    title: 'Tasks',
    width: '6rem',
    value: ({ running }) => running,
    cell: ({ running, wanted }) => `${running}/${wanted}`,
    phone: 'hide',
  },
  {
    key: 'revision',
    title: 'Revision',
    width: 'minmax(7rem, 1fr)',
    value: ({ revision }) => revision,
    cell: ({ revision, by }) =>
      revision === undefined ? 'by the docker CLI' : `${revision}, by ${by || 'root'}`,
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

export function Stacks() {
  const stacks = useList('stacks');
  const { account } = useRights();
  const make = account.role !== 'viewer' && (
    <Button size="xs" component={Route} href="/stacks/new">
      New stack
    </Button>
  );
  return (
    <Page title="Stacks" actions={make}>
      <DataTable
        label="stacks"
        list={stacks}
        columns={COLUMNS}
        href={({ id }) => stackPage(id)}
        empty={
          <Stack gap="xs" align="flex-start">
            <Text>There is no stack yet: a stack is what one compose file says.</Text>
            {make}
          </Stack>
        }
      />
    </Page>
  );
}
