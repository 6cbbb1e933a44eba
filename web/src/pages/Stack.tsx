/** One stack: its services as they are, what it was deployed from, and what can be done with it. */
import { Button, Skeleton, Tabs, Text } from '@mantine/core';
import { useState } from 'react';
import { Link as Route, useLocation, useParams, useSearchParams } from 'wouter';
import { remove } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { stackTone } from '../format/state.ts';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Link } from '../parts/Link.tsx';
import { Page } from '../parts/Page.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';
import { StackLogs } from './logs/Logs.tsx';
import { ServiceTable } from './Services.tsx';
import { stackWord } from './Stacks.tsx';
import { Revisions } from './stacks/Revisions.tsx';
import { TaskTable } from './Tasks.tsx';

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
          <Tabs.Tab value="logs">Logs</Tabs.Tab>
          {mayChange && <Tabs.Tab value="revisions">Revisions</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="services" pt="sm">
          <ServiceTable filter={{ stack: name }} />
        </Tabs.Panel>
        <Tabs.Panel value="tasks" pt="sm">
          <TaskTable filter={{ stack: name }} />
        </Tabs.Panel>
        <Tabs.Panel value="logs" pt="sm">
          <StackLogs stack={name} />
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
