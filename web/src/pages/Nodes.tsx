/** The hosts of the swarm. */
import { Text } from '@mantine/core';
import type { NodeRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { bytes, cpus } from '../format/size.ts';
import { nodeTone } from '../format/state.ts';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';

const COLUMNS: Array<Column<NodeRow>> = [
  { key: 'name', title: 'Name', width: 'minmax(7rem, 2fr)', value: ({ name }) => name },
  {
    key: 'state',
    title: 'State',
    width: '9rem',
    value: ({ state, availability }) => (availability === 'active' ? state : `${state}, ${availability}`),
    cell: (row) => (
      <Sign
        tone={nodeTone(row)}
        word={row.availability === 'active' ? row.state : `${row.state}, ${row.availability}`}
      />
    ),
  },
  {
    key: 'role',
    title: 'Role',
    width: '7rem',
    value: ({ role, leader }) => (leader ? `${role}, leader` : role),
    phone: 'hide',
  },
  { key: 'address', title: 'Address', width: 'minmax(6rem, 1fr)', value: ({ address }) => address },
  { key: 'tasks', title: 'Tasks', width: '4rem', value: ({ tasks }) => tasks, phone: 'hide' },
  {
    key: 'cpus',
    title: 'Processors',
    width: '7rem',
    value: ({ cpus }) => cpus,
    cell: (row) => `${cpus(row.reservedCpus)} of ${cpus(row.cpus)}`,
    phone: 'hide',
  },
  {
    key: 'memory',
    title: 'Memory',
    width: '9rem',
    value: ({ memory }) => memory,
    cell: (row) => `${bytes(row.reservedMemory)} of ${bytes(row.memory)}`,
    phone: 'hide',
  },
  { key: 'engine', title: 'Engine', width: '7rem', value: ({ engine }) => engine, phone: 'hide' },
];

export function Nodes() {
  const nodes = useList('nodes');
  return (
    <Page title="Nodes">
      <DataTable label="nodes" list={nodes} columns={COLUMNS} empty={<Text>No nodes.</Text>} />
    </Page>
  );
}
