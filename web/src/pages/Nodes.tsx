/** The hosts of the swarm. */
import { Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { NodeRow } from '../../../src/ui/protocol.ts';
import { get } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { labelsText } from '../format/labels.ts';
import { bytes, cpus } from '../format/size.ts';
import { nodeTone } from '../format/state.ts';
import { Answered } from '../parts/Answered.tsx';
import { Command } from '../parts/Ask.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';

const COLUMNS: Array<Column<NodeRow>> = [
  {
    key: 'name',
    title: 'Name',
    width: 'minmax(7rem, 1fr)',
    value: ({ name }) => name,
    cell: ({ id, name }) => <Link to={`/nodes/${id}`}>{name}</Link>,
  },
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
    width: '9rem',
    value: ({ role, leader }) => (leader ? `${role}, leader` : role),
    phone: 'hide',
  },
  { key: 'address', title: 'Address', width: 'minmax(8.5rem, 1fr)', value: ({ address }) => address },
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
  { key: 'engine', title: 'Engine', width: '6rem', value: ({ engine }) => engine, phone: 'hide' },
];

export function Nodes() {
  const nodes = useList('nodes');
  const { operate } = useRights();
  return (
    <Page title="Nodes">
      <DataTable
        label="nodes"
        list={nodes}
        columns={COLUMNS}
        href={({ id }) => `/nodes/${id}`}
        text={({ labels }) => labelsText(labels)}
        empty={<Text>No nodes.</Text>}
      />
      {operate && <Join address={nodes.rows.find(({ leader }) => leader)?.address ?? ''} />}
    </Page>
  );
}

/** How further hosts come in: shown when it is asked for, since it is a secret. */
function Join({ address }: { address: string }) {
  const [isShown, setShown] = useState(false);
  const query = useQuery({
    queryKey: ['swarm'],
    queryFn: () => get<{ JoinTokens: { Worker: string; Manager: string } }>('/swarm'),
    enabled: isShown,
  });
  if (!isShown)
    return (
      <div>
        <Button size="xs" variant="default" onClick={() => setShown(true)}>
          How to join a host
        </Button>
      </div>
    );
  return (
    <Answered what="the join commands" query={query}>
      {({ JoinTokens }) => (
        <Stack gap="xs">
          <Text size="sm">On a host with the daemon, as a worker:</Text>
          <Command text={`docker swarm join --token ${JoinTokens.Worker} ${address}:2377`} />
          <Text size="sm">As a manager:</Text>
          <Command text={`docker swarm join --token ${JoinTokens.Manager} ${address}:2377`} />
        </Stack>
      )}
    </Answered>
  );
}
