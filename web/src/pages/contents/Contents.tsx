/** Secrets and configs: what there is, and who uses it. */
import { Button, Text, Textarea } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { ContentRow } from '../../../../src/ui/protocol.ts';
import { post, remove } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { encoded } from '../../format/base64.ts';
import { Ask } from '../../parts/Ask.tsx';
import { ageColumn, deedsColumn, stackColumn, usedByColumn } from '../../parts/columns.tsx';
import { type Column, DataTable } from '../../parts/DataTable.tsx';
import { doing } from '../../parts/doing.tsx';
import { NameField } from '../../parts/fields.tsx';
import { Page } from '../../parts/Page.tsx';
import { type Rights, useRights } from '../../parts/who.ts';
import { NewContent } from './NewContent.tsx';

type ContentQuestion = { is: 'new' } | { is: 'change' | 'remove'; row: ContentRow };

const contentColumns = (
  rights: Rights,
  ask: (question: ContentQuestion) => void,
): Array<Column<ContentRow>> => [
  { key: 'name', title: 'Name', width: 'minmax(8rem, 2fr)', value: ({ name }) => name },
  stackColumn(),
  usedByColumn(({ services }) => services),
  ageColumn('updated', 'Changed', ({ updated }) => updated),
  deedsColumn(
    ...(['change', 'remove'] as const).map((is) => ({
      word: is === 'change' ? 'Change' : 'Remove',
      name: ({ name }: ContentRow) => name,
      may: ({ stack }: ContentRow) => rights.change(stack),
      ask: (row: ContentRow) => ask({ is, row }),
    })),
  ),
];

function Contents({ kind }: { kind: 'secret' | 'config' }) {
  const list = useList(`${kind}s`);
  const rights = useRights();
  const [question, setQuestion] = useState<ContentQuestion>();
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const title = kind === 'secret' ? 'Secrets' : 'Configs';
  const ask = (next: ContentQuestion): void => {
    setText('');
    setName('row' in next ? next.row.name : '');
    setQuestion(next);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: rights are those of the account
  const columns = useMemo(() => contentColumns(rights, ask), [rights.account]);
  const close = (): void => setQuestion(undefined);
  return (
    <Page
      title={title}
      actions={
        rights.operate && (
          <Button size="xs" onClick={() => ask({ is: 'new' })}>
            New {kind}
          </Button>
        )
      }
    >
      <DataTable
        label={title.toLowerCase()}
        list={list}
        columns={columns}
        empty={<Text>No {title.toLowerCase()} yet.</Text>}
      />
      {question?.is === 'remove' && (
        <Ask
          title={`Remove ${name}`}
          action="Remove"
          color="red.9"
          name={name}
          command={`docker ${kind} rm ${name}`}
          onClose={close}
          onDo={() =>
            doing(`remove ${name}`, async () => {
              await remove(`/${kind}s/${question.row.id}`);
              return `${name} is removed`;
            })
          }
        >
          {question.row.services.length > 0 && (
            <Text size="sm">It is used by {question.row.services.join(', ')}.</Text>
          )}
        </Ask>
      )}
      {question?.is === 'change' && <NewContent kind={kind} row={question.row} onClose={close} />}
      {question?.is === 'new' && (
        <Ask
          title={`New ${kind}`}
          action="Create"
          command={`docker ${kind} create ${name || 'NAME'} FILE`}
          onClose={close}
          onDo={() =>
            doing(`create ${name}`, async () => {
              await post(`/${kind}s/create`, { Name: name, Data: encoded(text), Labels: {} });
              return `${name} is there`;
            })
          }
        >
          <NameField value={name} onChange={setName} />
          <Textarea
            label="Content"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            rows={8}
            spellCheck={false}
          />
        </Ask>
      )}
    </Page>
  );
}

export function Secrets() {
  return <Contents kind="secret" />;
}

export function Configs() {
  return <Contents kind="config" />;
}
