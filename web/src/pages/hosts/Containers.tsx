/** The containers of all hosts: tasks and others. */
import { Button, Switch, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'wouter';
import type { ContainerRow } from '../../../../src/ui/protocol.ts';
import { useList } from '../../api/live.ts';
import { containerTone, containerWord } from '../../format/container.ts';
import { Age } from '../../parts/Age.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { Link } from '../../parts/Link.tsx';
import { AskEverywhere } from '../../parts/Outcomes.tsx';
import { Page } from '../../parts/Page.tsx';
import { Sign } from '../../parts/Sign.tsx';
import { useRights } from '../../parts/who.ts';

const COLUMNS: Array<Column<ContainerRow>> = [
  {
    key: 'name',
    title: 'Container',
    width: 'minmax(8rem, 2fr)',
    value: ({ name }) => name,
    cell: ({ id, name }) => <Link to={`/containers/${id}`}>{name}</Link>,
  },
  {
    key: 'state',
    title: 'State',
    width: '9rem',
    value: ({ state }) => state,
    cell: (row) => <Sign tone={containerTone(row)} word={containerWord(row)} />,
  },
  { key: 'node', title: 'Node', width: 'minmax(5rem, 1fr)', value: ({ nodeName }) => nodeName },
  { key: 'image', title: 'Image', width: 'minmax(7rem, 2fr)', value: ({ image }) => image, phone: 'hide' },
  { key: 'ports', title: 'Ports', width: '8rem', value: ({ ports }) => ports.join(', '), phone: 'hide' },
  {
    key: 'of',
    title: 'Of',
    width: 'minmax(6rem, 1fr)',
    value: ({ service, stack }) => service ?? stack,
    phone: 'hide',
  },
  {
    key: 'at',
    title: 'Since',
    width: '6rem',
    value: ({ at, created }) => at || created,
    cell: ({ at, created }) => <Age of={at || created} />,
    phone: 'hide',
  },
];

export function ContainerTable({ node }: { node?: string }) {
  const list = useList('containers');
  const [params, setParams] = useSearchParams();
  const onlyOwn = params.get('own') === '1';
  const shown = useMemo(
    () => ({
      ...list,
      rows: list.rows.filter((row) => (!node || row.node === node) && (!onlyOwn || row.task === undefined)),
    }),
    [list, node, onlyOwn],
  );
  return (
    <DataTable
      label="containers"
      list={shown}
      columns={COLUMNS}
      text={({ container, networks, volumes }) => `${container} ${networks.join(' ')} ${volumes.join(' ')}`}
      href={({ id }) => `/containers/${id}`}
      tools={
        <Switch
          size="xs"
          label="without tasks"
          checked={onlyOwn}
          onChange={(event) => {
            const isOn = event.currentTarget.checked;
            setParams(
              (before) => {
                const after = new URLSearchParams(before);
                if (isOn) after.set('own', '1');
                else after.delete('own');
                return after;
              },
              { replace: true },
            );
          }}
        />
      }
      empty={<Text>No containers on any host.</Text>}
    />
  );
}

export function Containers() {
  const { operate } = useRights();
  const [isAsked, setAsked] = useState(false);
  return (
    <Page
      title="Containers"
      actions={
        operate && (
          <Button size="xs" variant="default" onClick={() => setAsked(true)}>
            Remove stopped
          </Button>
        )
      }
    >
      <ContainerTable />
      {isAsked && (
        <AskEverywhere
          title="Remove stopped containers"
          action="Remove"
          color="red.9"
          command="docker container prune"
          request={(nodes) => ({ method: 'POST', path: '/essaim/containers/prune', body: { nodes } })}
          onClose={() => setAsked(false)}
        >
          <Text size="sm">What was written into them is lost. Volumes stay.</Text>
        </AskEverywhere>
      )}
    </Page>
  );
}
