/** One stack: its services as they are, what it was deployed from, and what can be done with it. */
import { Button, Text } from '@mantine/core';
import { useState } from 'react';
import { Link as Route, useLocation, useParams } from 'wouter';
import type { StackRow } from '../../../src/ui/protocol.ts';
import { remove } from '../api/http.ts';
import { useList } from '../api/live.ts';
import { partOf, stackApi, stackPage } from '../format/paths.ts';
import { stackTone } from '../format/state.ts';
import { Ask } from '../parts/Ask.tsx';
import { doing } from '../parts/doing.tsx';
import { Found } from '../parts/Found.tsx';
import { Page } from '../parts/Page.tsx';
import { PageTabs } from '../parts/PageTabs.tsx';
import { Sign } from '../parts/Sign.tsx';
import { useRights } from '../parts/who.ts';
import { StackLogs } from './logs/Logs.tsx';
import { ServiceTable } from './Services.tsx';
import { stackWord } from './Stacks.tsx';
import { Revisions } from './stacks/Revisions.tsx';
import { TaskTable } from './Tasks.tsx';

export function Stack() {
  const name = partOf(useParams().name);
  return (
    <Found kind="stack" name={name} list={useList('stacks')} is={({ id }) => id === name} all="/stacks">
      {(stack) => <StackPage stack={stack} />}
    </Found>
  );
}

function StackPage({ stack }: { stack: StackRow }) {
  const rights = useRights();
  const [isAsked, setAsked] = useState(false);
  const [, navigate] = useLocation();
  const name = stack.id;
  const mayChange = rights.change(name);
  return (
    <Page
      title={name}
      mark={<Sign tone={stackTone(stack)} word={stackWord(stack)} />}
      actions={
        mayChange && (
          <>
            <Button size="xs" component={Route} href={stackPage(name, '/edit')}>
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
      <PageTabs
        parts={[
          { name: 'services', title: 'Services', show: () => <ServiceTable filter={{ stack: name }} /> },
          { name: 'tasks', title: 'Tasks', show: () => <TaskTable filter={{ stack: name }} /> },
          { name: 'logs', title: 'Logs', show: () => <StackLogs stack={name} /> },
          mayChange && { name: 'revisions', title: 'Revisions', show: () => <Revisions stack={name} /> },
        ]}
      />
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
              await remove(stackApi(name));
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
