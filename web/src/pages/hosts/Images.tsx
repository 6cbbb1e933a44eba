/** Images, and the hosts that have them. */
import { Button, Checkbox, Text, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { ImageRow } from '../../../../src/ui/protocol.ts';
import { useList } from '../../api/live.ts';
import { bytes } from '../../format/size.ts';
import { ageColumn, deedsColumn } from '../../parts/columns.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { AskEverywhere } from '../../parts/Outcomes.tsx';
import { Page } from '../../parts/Page.tsx';
import { useRights } from '../../parts/who.ts';

type Question = { is: 'pull' | 'prune' } | { is: 'remove'; row: ImageRow };

const nameOf = ({ tags, id }: ImageRow): string => tags[0] ?? id.replace('sha256:', '').slice(0, 12);

const columns = (mayRemove: boolean, ask: (question: Question) => void): Array<Column<ImageRow>> => [
  {
    key: 'name',
    title: 'Image',
    width: 'minmax(9rem, 3fr)',
    value: (row) => row.tags.join(', ') || nameOf(row),
  },
  { key: 'size', title: 'Size', width: '6rem', value: ({ size }) => size, cell: ({ size }) => bytes(size) },
  {
    key: 'hosts',
    title: 'On',
    width: 'minmax(6rem, 2fr)',
    value: ({ hosts }) => hosts.map(({ name }) => name).join(', '),
    phone: 'hide',
  },
  {
    key: 'usedBy',
    title: 'Used by',
    width: '8rem',
    value: ({ usedBy }) => usedBy.length,
    cell: ({ usedBy }) => (
      <span title={usedBy.join(', ')}>{usedBy.length === 0 ? 'nobody' : usedBy.length}</span>
    ),
    phone: 'hide',
  },
  ageColumn('created', 'Made', ({ created }) => created),
  deedsColumn({
    word: 'Remove',
    name: nameOf,
    may: () => mayRemove,
    ask: (row) => ask({ is: 'remove', row }),
  }),
];

export function Images() {
  const list = useList('images');
  const { operate } = useRights();
  const [question, setQuestion] = useState<Question>();
  const [image, setImage] = useState('');
  const [isAll, setAll] = useState(false);
  const [isForced, setForced] = useState(false);
  const shown = useMemo(() => columns(operate, setQuestion), [operate]);
  const close = (): void => setQuestion(undefined);
  return (
    <Page
      title="Images"
      actions={
        operate && (
          <>
            <Button size="xs" onClick={() => setQuestion({ is: 'pull' })}>
              Pull
            </Button>
            <Button size="xs" variant="default" onClick={() => setQuestion({ is: 'prune' })}>
              Remove unused
            </Button>
          </>
        )
      }
    >
      <DataTable
        label="images"
        list={list}
        columns={shown}
        text={({ id, usedBy }) => `${id} ${usedBy.join(' ')}`}
        empty={<Text>No host has an image.</Text>}
      />
      {question?.is === 'pull' && (
        <AskEverywhere
          title="Pull an image"
          action="Pull"
          command={`docker pull ${image || 'IMAGE'}`}
          request={(nodes) => ({ method: 'POST', path: '/essaim/images/pull', body: { image, nodes } })}
          onClose={close}
        >
          <TextInput
            label="Image"
            placeholder="nginx:1.27"
            value={image}
            onChange={(event) => setImage(event.currentTarget.value)}
            data-autofocus
          />
        </AskEverywhere>
      )}
      {question?.is === 'prune' && (
        <AskEverywhere
          title="Remove unused images"
          action="Remove"
          color="red.9"
          command={`docker image prune${isAll ? ' --all' : ''}`}
          request={(nodes) => ({ method: 'POST', path: '/essaim/images/prune', body: { all: isAll, nodes } })}
          onClose={close}
        >
          <Checkbox
            label="those with a name as well, if no container is made of them"
            checked={isAll}
            onChange={(event) => setAll(event.currentTarget.checked)}
          />
        </AskEverywhere>
      )}
      {question?.is === 'remove' && (
        <AskEverywhere
          title={`Remove ${nameOf(question.row)}`}
          action="Remove"
          color="red.9"
          nodes={question.row.hosts}
          command={`docker image rm ${isForced ? '--force ' : ''}${nameOf(question.row)}`}
          request={(nodes) => {
            const query = new URLSearchParams(nodes.map((node) => ['node', node]));
            if (isForced) query.set('force', '1');
            const name = question.row.tags.length === 1 ? question.row.tags[0]! : question.row.id;
            return { method: 'DELETE', path: `/essaim/images/${name}?${query}` };
          }}
          onClose={close}
        >
          {question.row.usedBy.length > 0 && (
            <Text size="sm">Containers are made of it: {question.row.usedBy.slice(0, 10).join(', ')}.</Text>
          )}
          <Checkbox
            label="also where it has several names, or a stopped container is made of it"
            checked={isForced}
            onChange={(event) => setForced(event.currentTarget.checked)}
          />
        </AskEverywhere>
      )}
    </Page>
  );
}
