/** A console in a container, on whatever host it is. */
import { Button, Group, Loader, Text, TextInput } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { useParams, useSearchParams } from 'wouter';
import { Page } from '../parts/Page.tsx';
import type { ConsoleState } from '../parts/Terminal.tsx';

const Terminal = lazy(() => import('../parts/Terminal.tsx'));

export function Console() {
  const { container = '' } = useParams();
  const [params] = useSearchParams();
  const [state, setState] = useState<ConsoleState>({ is: 'opening' });
  const [round, setRound] = useState(0);
  const [user, setUser] = useState('');
  const [command, setCommand] = useState('');
  const name = params.get('name') ?? container.slice(0, 12);
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
          node={params.get('node') ?? undefined}
          user={user}
          command={words}
          onState={setState}
        />
      </Suspense>
    </Page>
  );
}
