/** Networks, secrets, configs and the audit: what there is, and who uses it. */
import { Button, Text, Textarea, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { AuditRow, ContentRow, NetworkRow } from '../../../src/ui/protocol.ts';
import { post, remove } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { encoded } from '../format/base64.ts';
import { Age } from '../parts/Age.tsx';
import { Ask } from '../parts/Ask.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { doing } from '../parts/doing.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { type Rights, useRights } from '../parts/who.ts';
import { NewContent } from './contents/NewContent.tsx';

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
  { key: 'stack', title: 'Stack', width: '7rem', value: ({ stack }) => stack, phone: 'hide' },
  {
    key: 'services',
    title: 'Used by',
    width: 'minmax(7rem, 2fr)',
    value: ({ services }) => services.join(', '),
    phone: 'hide',
  },
  {
    key: 'remove',
    title: '',
    width: '5.5rem',
    value: () => undefined,
    cell: (row) =>
      rights.change(row.stack) &&
      row.driver === 'overlay' &&
      row.name !== 'ingress' && (
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => ask(row)}
          aria-label={`Remove ${row.name}`}
        >
          Remove
        </Button>
      ),
  },
];

export function Networks() {
  const list = useList('networks');
  const rights = useRights();
  const [asked, setAsked] = useState<NetworkRow>();
  const [isNew, setNew] = useState(false);
  const [name, setName] = useState('');
  const [subnet, setSubnet] = useState('');
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
          command={`docker network create --driver overlay ${subnet ? `--subnet ${subnet} ` : ''}${name || 'NAME'}`}
          onClose={() => setNew(false)}
          onDo={() =>
            doing(`create ${name}`, async () => {
              const IPAM = subnet ? { Config: [{ Subnet: subnet }] } : undefined;
              await post('/networks/create', { Name: name, Driver: 'overlay', ...(IPAM && { IPAM }) });
              return `${name} is there`;
            })
          }
        >
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <TextInput
            label="Subnet"
            placeholder="10.0.9.0/24, or none: one is chosen"
            value={subnet}
            onChange={(event) => setSubnet(event.currentTarget.value)}
          />
        </Ask>
      )}
    </Page>
  );
}

type ContentQuestion = { is: 'new' } | { is: 'change' | 'remove'; row: ContentRow };

const contentColumns = (
  rights: Rights,
  ask: (question: ContentQuestion) => void,
): Array<Column<ContentRow>> => [
  { key: 'name', title: 'Name', width: 'minmax(8rem, 2fr)', value: ({ name }) => name },
  { key: 'stack', title: 'Stack', width: '7rem', value: ({ stack }) => stack, phone: 'hide' },
  {
    key: 'services',
    title: 'Used by',
    width: 'minmax(7rem, 2fr)',
    value: ({ services }) => services.join(', '),
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
  {
    key: 'actions',
    title: '',
    width: '10rem',
    value: () => undefined,
    cell: (row) =>
      rights.change(row.stack) && (
        <>
          <Button
            size="compact-xs"
            variant="default"
            mr={4}
            onClick={() => ask({ is: 'change', row })}
            aria-label={`Change ${row.name}`}
          >
            Change
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => ask({ is: 'remove', row })}
            aria-label={`Remove ${row.name}`}
          >
            Remove
          </Button>
        </>
      ),
  },
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
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
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

const AUDIT: Array<Column<AuditRow>> = [
  { key: 'at', title: 'When', width: '7rem', value: ({ at }) => at, cell: ({ at }) => <Age of={at} /> },
  {
    key: 'actor',
    title: 'Who',
    width: '8rem',
    value: ({ actor, via }) => (via === 'session' ? actor : `${actor} (${via})`),
  },
  { key: 'address', title: 'From', width: '9rem', value: ({ address }) => address, phone: 'hide' },
  {
    key: 'what',
    title: 'What',
    width: 'minmax(10rem, 3fr)',
    value: ({ method, path }) => `${method} ${path}`,
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
