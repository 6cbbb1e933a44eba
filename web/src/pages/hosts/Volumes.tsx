/** Volumes of all hosts: who uses them, how large they are. */
import { Button, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { DiskUse, VolumeRow } from '../../../../src/ui/protocol.ts';
import { get, remove } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { bytes } from '../../format/size.ts';
import { Ask } from '../../parts/Ask.tsx';
import { ageColumn, deedsColumn, stackColumn, usedByColumn } from '../../parts/columns.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { doing } from '../../parts/doing.tsx';
import { Link } from '../../parts/Link.tsx';
import { AskEverywhere } from '../../parts/Outcomes.tsx';
import { Page } from '../../parts/Page.tsx';
import { useRights } from '../../parts/who.ts';
import { NewVolume } from './NewVolume.tsx';

/** Sizes are added up by the hosts, which takes them a while. */
const SIZES_EVERY = 60_000;

const columns = (
  operate: boolean,
  size: (row: VolumeRow) => number | undefined,
  ask: (row: VolumeRow) => void,
): Array<Column<VolumeRow>> => [
  {
    key: 'name',
    title: 'Volume',
    width: 'minmax(9rem, 3fr)',
    value: ({ name }) => name,
    cell: ({ name, node, driver }) =>
      operate && driver === 'local' ? (
        <Link to={`/volumes/${node}/${encodeURIComponent(name)}`}>{name}</Link>
      ) : (
        name
      ),
  },
  { key: 'node', title: 'Node', width: 'minmax(5rem, 1fr)', value: ({ nodeName }) => nodeName },
  {
    key: 'size',
    title: 'Size',
    width: '6rem',
    value: size,
    cell: (row) => {
      const count = size(row);
      return count === undefined || count < 0 ? '' : bytes(count);
    },
    phone: 'hide',
  },
  { key: 'driver', title: 'Driver', width: '6rem', value: ({ driver }) => driver, phone: 'hide' },
  stackColumn(),
  usedByColumn(({ usedBy }) => usedBy),
  ageColumn('created', 'Made', ({ created }) => created),
  deedsColumn({
    word: 'Remove',
    name: ({ name, nodeName }) => `${name} of ${nodeName}`,
    may: ({ usedBy }) => operate && usedBy.length === 0,
    ask,
  }),
];

export function Volumes() {
  const list = useList('volumes');
  const { operate } = useRights();
  const [asked, setAsked] = useState<VolumeRow>();
  const [isPruning, setPruning] = useState(false);
  const [isNew, setNew] = useState(false);
  const { data } = useQuery({
    queryKey: ['disk'],
    queryFn: () => get<DiskUse[]>('/essaim/disk'),
    refetchInterval: SIZES_EVERY,
  });
  const shown = useMemo(() => {
    const sizes = new Map((data ?? []).map(({ node, volumes }) => [node, volumes]));
    return columns(operate, ({ node, name }) => sizes.get(node)?.[name], setAsked);
  }, [operate, data]);
  return (
    <Page
      title="Volumes"
      actions={
        operate && (
          <>
            <Button size="xs" onClick={() => setNew(true)}>
              New volume
            </Button>
            <Button size="xs" variant="default" onClick={() => setPruning(true)}>
              Remove unused
            </Button>
          </>
        )
      }
    >
      <DataTable label="volumes" list={list} columns={shown} empty={<Text>No host has a volume.</Text>} />
      {asked && (
        <Ask
          title={`Remove ${asked.name} of ${asked.nodeName}`}
          action="Remove"
          color="red.9"
          name={asked.name}
          command={`docker volume rm ${asked.name}   # on ${asked.nodeName}`}
          onClose={() => setAsked(undefined)}
          onDo={() =>
            doing(`remove ${asked.name}`, async () => {
              await remove(`/essaim/nodes/${asked.node}/volumes/${encodeURIComponent(asked.name)}`);
              return `${asked.name} is removed from ${asked.nodeName}`;
            })
          }
        >
          <Text size="sm">What is in it is lost.</Text>
        </Ask>
      )}
      {isNew && <NewVolume onClose={() => setNew(false)} />}
      {isPruning && (
        <AskEverywhere
          title="Remove volumes that no container has"
          action="Remove"
          color="red.9"
          command="docker volume prune --all"
          request={(nodes) => ({ method: 'POST', path: '/essaim/volumes/prune', body: { all: true, nodes } })}
          onClose={() => setPruning(false)}
        >
          <Text size="sm">
            What is in them is lost, also of services that are scaled to nothing just now.
          </Text>
        </AskEverywhere>
      )}
    </Page>
  );
}
