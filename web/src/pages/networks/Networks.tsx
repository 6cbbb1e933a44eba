/** Networks: what there is, and who uses it. */
import { Button, Checkbox, Stack, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { NetworkRow } from '../../../../src/ui/protocol.ts';
import { post, remove } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { networkCommand, networkOf } from '../../format/command.ts';
import { Ask } from '../../parts/Ask.tsx';
import { deedsColumn, stackColumn, usedByColumn } from '../../parts/columns.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { doing } from '../../parts/doing.tsx';
import { NameField } from '../../parts/fields.tsx';
import { Link } from '../../parts/Link.tsx';
import { Page } from '../../parts/Page.tsx';
import { type Rights, useRights } from '../../parts/who.ts';

const networkColumns = (rights: Rights, ask: (row: NetworkRow) => void): Array<Column<NetworkRow>> => [
  {
    key: 'name',
    title: 'Name',
    width: 'minmax(8rem, 2fr)',
    value: ({ name }) => name,
    cell: ({ id, name }) => <Link to={`/networks/${id}`}>{name}</Link>,
  },
  {
    key: 'driver',
    title: 'Driver',
    width: '8rem',
    value: ({ driver, encrypted }) => (encrypted ? `${driver}, encrypted` : driver),
  },
  {
    key: 'subnets',
    title: 'Subnets',
    width: 'minmax(7rem, 1fr)',
    value: ({ subnets }) => subnets.join(', '),
    phone: 'hide',
  },
  stackColumn(),
  usedByColumn(({ services }) => services),
  deedsColumn({
    word: 'Remove',
    name: ({ name }) => name,
    may: ({ stack, driver, name }) => rights.change(stack) && driver === 'overlay' && name !== 'ingress',
    ask,
  }),
];

export function Networks() {
  const list = useList('networks');
  const rights = useRights();
  const [asked, setAsked] = useState<NetworkRow>();
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState('');
  const [subnet, setSubnet] = useState('');
  const [kinds, setKinds] = useState<string[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rights are those of the account
  const columns = useMemo(() => networkColumns(rights, setAsked), [rights.account]);
  return (
    <Page
      title="Networks"
      actions={
        rights.operate && (
          <Button size="xs" onClick={() => setNew(true)}>
            New network
          </Button>
        )
      }
    >
      <DataTable
        label="networks"
        list={list}
        columns={columns}
        href={({ id }) => `/networks/${id}`}
        empty={<Text>No networks.</Text>}
      />
      {asked && (
        <Ask
          title={`Remove ${asked.name}`}
          action="Remove"
          color="red.9"
          command={`docker network rm ${asked.name}`}
          onClose={() => setAsked(undefined)}
          onDo={() =>
            doing(`remove ${asked.name}`, async () => {
              await remove(`/networks/${asked.id}`);
              return `${asked.name} is removed`;
            })
          }
        >
          {asked.services.length > 0 && <Text size="sm">It is used by {asked.services.join(', ')}.</Text>}
        </Ask>
      )}
      {isNew && (
        <Ask
          title="New network"
          action="Create"
          command={networkCommand(name, kinds, subnet)}
          onClose={() => setNew(false)}
          onDo={() =>
            doing(`create ${name}`, async () => {
              await post('/networks/create', networkOf(name, kinds, subnet));
              return `${name} is there`;
            })
          }
        >
          <NameField value={name} onChange={setName} />
          <TextInput
            label="Subnet"
            placeholder="10.0.9.0/24, or none: one is chosen"
            value={subnet}
            onChange={(event) => setSubnet(event.currentTarget.value)}
          />
          <Checkbox.Group aria-label="What it is like" value={kinds} onChange={setKinds}>
            <Stack gap="xs">
              <Checkbox size="xs" value="attachable" label="attachable: docker run can join it too" />
              <Checkbox size="xs" value="encrypted" label="encrypted between hosts" />
              <Checkbox size="xs" value="internal" label="internal: no way out of it" />
            </Stack>
          </Checkbox.Group>
        </Ask>
      )}
    </Page>
  );
}
