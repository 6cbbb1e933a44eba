/** A console in a container, on whatever host it is. */
import { Button, Group, Loader, Text, TextInput } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useParams, useSearchParams } from 'wouter';
import { Failed } from '../parts/Failed.tsx';
import { Page } from '../parts/Page.tsx';
import type { ConsoleState } from '../parts/Terminal.tsx';
import { useRights } from '../parts/who.ts';

const Terminal = lazy(() => import('../parts/Terminal.tsx'));

export function Console() {
  const { container = '' } = useParams();
  const [params] = useSearchParams();
  const name = params.get('name') ?? container.slice(0, 12);
  const { account } = useRights();
  if (account.role === 'viewer')
    return (
      <Page title={`Console: ${name}`}>
        <Failed
          title="No console is opened"
          message="A console takes an operator, or a deployer of its stack."
        />
      </Page>
    );
  return <Opened container={container} node={params.get('node') ?? undefined} name={name} />;
}

interface OpenedProps {
  container: string;
  node: string | undefined;
  name: string;
}

function Opened({ container, node, name }: OpenedProps) {
  const [state, setState] = useState<ConsoleState>({ is: 'opening' });
  const [round, setRound] = useState(0);
  const [user, setUser] = useState('');
  const [command, setCommand] = useState('');
  const words = command.split(/\s+/).filter(Boolean);
  return (
    <Page
      title={`Console: ${name}`}
      actions={
        <>
          <TextInput
            size="xs"
            placeholder="user"
            aria-label="User"
            w={90}
            value={user}
            onChange={(event) => setUser(event.currentTarget.value)}
          />
          <TextInput
            size="xs"
            placeholder="command (a shell)"
            aria-label="Command"
            value={command}
            onChange={(event) => setCommand(event.currentTarget.value)}
          />
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              sessionStorage.removeItem(`console ${container}`);
              setRound((before) => before + 1);
            }}
          >
            Begin anew
          </Button>
        </>
      }
    >
      <Group gap="xs">
        <Text size="sm" role="status">
          {state.is === 'opening' && 'Opening…'}
          {state.is === 'open' && '● Connected'}
          {state.is === 'broken' && '◐ The connection is gone, trying again'}
          {state.is === 'over' && `○ ${state.why}`}
        </Text>
      </Group>
      <Suspense fallback={<Loader aria-label="The terminal is being loaded" />}>
        <Terminal
          key={round}
          container={container}
          node={node}
          user={user}
          command={words}
          onState={setState}
        />
      </Suspense>
    </Page>
  );
}
