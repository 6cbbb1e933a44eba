/** Tasks of all services, or of one service or node: what each does now. */
import { Switch, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import type { TaskRow } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { taskTone } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { type Column, DataTable } from '../parts/DataTable.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';

const COLUMNS: Array<Column<TaskRow>> = [
  {
    key: 'name',
    title: 'Task',
    width: 'minmax(8rem, 2fr)',
    value: ({ name }) => name,
    cell: ({ id, name }) => <Link to={`/tasks/${id}`}>{name}</Link>,
  },
  {
    key: 'state',
    title: 'State',
    width: '8rem',
    value: ({ state }) => state,
    cell: (row) => <Sign tone={taskTone(row)} word={row.state} />,
  },
  { key: 'node', title: 'Node', width: 'minmax(5rem, 1fr)', value: ({ nodeName }) => nodeName },
  {
    key: 'since',
    title: 'Since',
    width: '6rem',
    value: ({ at }) => at,
    cell: ({ at }) => <Age of={at} />,
  },
  { key: 'image', title: 'Image', width: 'minmax(6rem, 1fr)', value: ({ image }) => image, phone: 'hide' },
  {
    key: 'error',
    title: 'Why',
    width: 'minmax(8rem, 4fr)',
    value: ({ error }) => error,
    cell: ({ error }) => error && <span title={error}>{error}</span>,
    phone: 'hide',
  },
];

const taskText = ({ id, container, addresses }: TaskRow): string =>
  `${id} ${container ?? ''} ${addresses.join(' ')}`;

/** A table of tasks, without those that are over unless they are asked for. */
export function TaskTable({ filter, height }: { filter?: Record<string, string>; height?: string }) {
  const list = useList('tasks', filter);
  const [params, setParams] = useSearchParams();
  const withOld = params.get('old') === '1';
  const shown = useMemo(
    () =>
      withOld
        ? list
        : {
            ...list,
            rows: list.rows.filter(
              ({ desired }) => desired === 'running' || desired === 'ready' || desired === 'complete',
            ),
          },
    [list, withOld],
  );
  return (
    <DataTable
      label="tasks"
      list={shown}
      columns={COLUMNS}
      text={taskText}
      href={({ id }) => `/tasks/${id}`}
      height={height}
      tools={
        <Switch
          size="xs"
          label="with old ones"
          checked={withOld}
          onChange={(event) => {
            const isOn = event.currentTarget.checked;
            setParams(
              (before) => {
                const after = new URLSearchParams(before);
                if (isOn) after.set('old', '1');
                else after.delete('old');
                return after;
              },
              { replace: true },
            );
          }}
        />
      }
      empty={<Text>No tasks.</Text>}
    />
  );
}

export function Tasks() {
  return (
    <Page title="Tasks">
      <TaskTable />
    </Page>
  );
}
