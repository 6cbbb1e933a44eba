/** One task: its state and why, where it is, how its predecessors ended, its log, a console into it. */
import { Button, Code, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useParams } from 'wouter';
import type { TaskRow, Why } from '../../../src/ui/protocol.ts';
import { get, post } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { exitText, taskTone } from '../format/state.ts';
import { STAGES } from '../format/why.ts';
import { Age } from '../parts/Age.tsx';
import { Command } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Fact, Facts } from '../parts/Facts.tsx';
import { Found } from '../parts/Found.tsx';
import { Link } from '../parts/Link.tsx';
import { LogView } from '../parts/LogView.tsx';
import { Page } from '../parts/Page.tsx';
import { PageTabs } from '../parts/PageTabs.tsx';
import { Sign } from '../parts/Sign.tsx';
import { Use } from '../parts/Use.tsx';
import { useRights } from '../parts/who.ts';

export function Task() {
  const { id = '' } = useParams();
  return (
    <Found
      kind="task"
      name={id}
      list={useList('tasks', { id })}
      is={(row) => row.id === id}
      all="/tasks"
      hint="the swarm keeps the last five of each slot"
    >
      {(task) => <TaskPage task={task} />}
    </Found>
  );
}

function TaskPage({ task }: { task: TaskRow }) {
  const rights = useRights();
  const { id, name, container, state, stack } = task;
  const mayEnter = rights.change(stack) && container !== undefined && state === 'running';
  return (
    <Page
      title={name}
      mark={<Sign tone={taskTone(task)} word={state} />}
      actions={
        mayEnter && (
          <>
            <Button size="xs" variant="default" component="a" href={`/ui/console/${container}?name=${name}`}>
              Console
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() =>
                void doing(`stop ${name}`, async () => {
                  await post(`/containers/${container}/stop`);
                  return {
                    done: `${name} is stopped; the service starts another one if it is to have one`,
                    command: `docker stop ${name}   # on any host`,
                  };
                })
              }
            >
              Stop
            </Button>
          </>
        )
      }
    >
      <Facts>
        <Fact name="Service">
          <Link to={`/services/${task.service}`}>{task.serviceName}</Link>
        </Fact>
        <Fact name="Node">
          {task.node ? <Link to={`/nodes/${task.node}`}>{task.nodeName ?? task.node}</Link> : 'none yet'}
        </Fact>
        <Fact name="Made">
          <Age of={task.created} ago />
        </Fact>
        <Fact name={`${state[0]!.toUpperCase()}${state.slice(1)} since`}>
          <Age of={task.at} />
        </Fact>
        <Fact name="Image">{task.image}</Fact>
        {task.addresses.length > 0 && <Fact name="Addresses">{task.addresses.join(', ')}</Fact>}
        {task.exitCode !== undefined && <Fact name="Exit code">{exitText(task.exitCode)}</Fact>}
      </Facts>
      <PageTabs
        parts={[
          { name: 'state', title: 'State', show: () => <State task={task} /> },
          { name: 'logs', title: 'Log', show: () => <LogView channel={`logs?task=${id}`} of={name} /> },
          { name: 'use', title: 'Use', show: () => <Use of={`task=${id}`} /> },
          { name: 'before', title: 'Before it', show: () => <Predecessors task={task} /> },
        ]}
      />
    </Page>
  );
}

function State({ task }: { task: TaskRow }) {
  const { id, version, message, error, container } = task;
  const { data, error: unknown } = useQuery({
    queryKey: ['why', id, version],
    queryFn: () => get<Why>(`/essaim/tasks/${id}/why`),
    // What nodes have free changes without the task.
    refetchInterval: task.state === 'pending' ? 3_000 : false,
    placeholderData: (before) => before,
  });
  return (
    <Stack gap="sm">
      <Text size="sm">
        {data && STAGES[data.stage]} <span style={{ color: 'var(--mantine-color-dimmed)' }}>({message})</span>
      </Text>
      {error && (
        <Text size="sm" c="red.9" className="problem" role="status">
          ▲ {error}
        </Text>
      )}
      {unknown && <Text size="sm">More cannot be said just now: {unknown.message}</Text>}
      {data?.next && (
        <Text size="sm">
          Tried again at {new Date(data.next).toLocaleTimeString()}
          {data.restarts ? `, after ${data.restarts} restarts` : ''}.
        </Text>
      )}
      {data && data.nodes.length > 0 && (
        <Table aria-label="What each node says" withTableBorder>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Node</Table.Th>
              <Table.Th>Why not there</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.nodes.map(({ node, name, fits, text }) => (
              <Table.Tr key={node} data-verdict={name}>
                <Table.Td>
                  <Link to={`/nodes/${node}`}>{name}</Link>
                </Table.Td>
                <Table.Td>
                  {fits ? '● ' : '▲ '}
                  {text}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {/* A container that only has a name has never been reported, and may never have come to be. */}
      <Command
        text={`docker inspect ${container && !container.includes('.') ? container.slice(0, 12) : id}`}
      />
      <Text size="xs" c="dimmed">
        Task <Code>{id}</Code>
      </Text>
    </Stack>
  );
}

function Predecessors({ task }: { task: TaskRow }) {
  const { rows } = useList('tasks', { service: task.service });
  const before = useMemo(
    () =>
      rows
        .filter(
          (row) =>
            row.id !== task.id && (task.slot === undefined ? row.node === task.node : row.slot === task.slot),
        )
        .sort((a, b) => (a.created < b.created ? 1 : -1)),
    [rows, task],
  );
  if (before.length === 0) return <Text size="sm">It is the first one in its place.</Text>;
  return (
    <Table aria-label="Tasks in the same place">
      <Table.Tbody>
        {before.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td>
              <Link to={`/tasks/${row.id}`}>{row.id.slice(0, 12)}</Link>
            </Table.Td>
            <Table.Td>
              <Sign tone={taskTone(row)} word={row.state} />
            </Table.Td>
            <Table.Td>{row.nodeName}</Table.Td>
            <Table.Td>{row.error ?? (row.exitCode === undefined ? '' : exitText(row.exitCode))}</Table.Td>
            <Table.Td>
              <Age of={row.at} ago />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
