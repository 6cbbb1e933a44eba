/** One stack: its services as they are, what it was deployed from, and what can be done with it. */
import { Button, Code, Stack as Column, Group, Skeleton, Table, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link as Route, useLocation, useParams, useSearchParams } from 'wouter';
import { get, remove } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { stackTone } from '../format/state.ts';
import { Age } from '../parts/Age.tsx';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Failed } from '../parts/Failed.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';
import { ServiceTable } from './Services.tsx';
import { stackWord } from './Stacks.tsx';
import { TaskTable } from './Tasks.tsx';

export interface Revision {
  number: number;
  at: string;
  actor: string;
  message: string;
  files: Record<string, string>;
}

export function Stack() {
  const { name = '' } = useParams();
  const { rows, isLoading } = useList('stacks');
  const rights = useRights();
  const [params, setParams] = useSearchParams();
  const [isAsked, setAsked] = useState(false);
  const [, navigate] = useLocation();
  const stack = rows.find(({ id }) => id === name);
  if (isLoading) return <Skeleton height={200} aria-label="The stack is being loaded" />;
  if (!stack)
    return (
      <Page title={name}>
        <Text>
          There is no stack {name} (any more). <Link to="/stacks">All stacks</Link>
        </Text>
      </Page>
    );
  const mayChange = rights.change(name);
  return (
    <Page
      title={name}
      mark={<Sign tone={stackTone(stack)} word={stackWord(stack)} />}
      actions={
        mayChange && (
          <>
            <Button size="xs" component={Route} href={`/stacks/${name}/edit`}>
              Edit
            </Button>
            <Button size="xs" variant="default" onClick={() => setAsked(true)}>
              Remove
            </Button>
          </>
        )
      }
    >
      {stack.problems.map((problem) => (
        <Text key={problem} size="sm" c="red.9" className="problem">
          ▲ {problem}
        </Text>
      ))}
      <Tabs
        value={params.get('tab') ?? 'services'}
        onChange={(value) => setParams({ tab: value ?? 'services' }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="services">Services</Tabs.Tab>
          <Tabs.Tab value="tasks">Tasks</Tabs.Tab>
          {mayChange && <Tabs.Tab value="revisions">Revisions</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="services" pt="sm">
          <ServiceTable filter={{ stack: name }} />
        </Tabs.Panel>
        <Tabs.Panel value="tasks" pt="sm">
          <TaskTable filter={{ stack: name }} />
        </Tabs.Panel>
        <Tabs.Panel value="revisions" pt="sm">
          <Revisions stack={name} />
        </Tabs.Panel>
      </Tabs>
      {isAsked && (
        <Ask
          title={`Remove ${name}`}
          action="Remove"
          color="red.9"
          name={name}
          command={`docker stack rm ${name}`}
          onClose={() => setAsked(false)}
          onDo={async () => {
            const isDone = await doing(`remove ${name}`, async () => {
              await remove(`/essaim/stacks/${name}`);
              return `${name} is removed`;
            });
            if (isDone) navigate('/stacks');
            return isDone;
          }}
        >
          <Text size="sm">
            Its services, networks, secrets and configs go, and its revisions here. Its volumes stay on their
            hosts.
          </Text>
        </Ask>
      )}
    </Page>
  );
}

function Revisions({ stack }: { stack: string }) {
  const { data, error } = useQuery({
    queryKey: ['revisions', stack],
    queryFn: () => get<Revision[]>(`/essaim/stacks/${stack}/revisions`),
  });
  const [shown, setShown] = useState<number>();
  const one = useQuery({
    queryKey: ['revision', stack, shown],
    queryFn: () => get<Revision>(`/essaim/stacks/${stack}/revisions/${shown}`),
    enabled: shown !== undefined,
  });
  if (error) return <Failed title="The revisions cannot be read" message={error.message} />;
  if (!data) return <Skeleton height={100} />;
  if (data.length === 0)
    return (
      <Text size="sm">
        This stack was deployed by the docker CLI. The first time that it is deployed from here is revision 1.
      </Text>
    );
  return (
    <Column gap="sm">
      <Table aria-label="Revisions">
        <Table.Tbody>
          {data.map(({ number, at, actor, message }) => (
            <Table.Tr key={number}>
              <Table.Td>{number}</Table.Td>
              <Table.Td>{actor || 'root'}</Table.Td>
              <Table.Td>
                <Age of={at} /> ago
              </Table.Td>
              <Table.Td>{message}</Table.Td>
              <Table.Td>
                <Group gap="xs">
                  <Button size="compact-xs" variant="default" onClick={() => setShown(number)}>
                    Show
                  </Button>
                  <Button
                    size="compact-xs"
                    variant="default"
                    component={Route}
                    href={`/stacks/${stack}/edit?from=${number}`}
                  >
                    Deploy it again
                  </Button>
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {one.data &&
        Object.entries(one.data.files).map(([file, text]) => (
          <div key={file}>
            <Text size="sm" fw={600}>
              {file} of revision {one.data.number}
            </Text>
            <Code block>{text}</Code>
          </div>
        ))}
    </Column>
  );
}
