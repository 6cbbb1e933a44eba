/** A service that is made in the browser, by the same form that changes one. */
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { post } from '../../api/http.ts';
import { createCommand } from '../../format/service/form.ts';
import { newSpec } from '../../format/service/spec.ts';
import { Command } from '../../parts/Ask.tsx';
import { doing } from '../../parts/doing.tsx';
import { Failed } from '../../parts/Failed.tsx';
import { Link } from '../../parts/Link.tsx';
import { Page } from '../../parts/Page.tsx';
import { useRights } from '../../parts/who.ts';
import { SpecForm, useDraft } from './SpecForm.tsx';

export function NewService() {
  const { account } = useRights();
  if (account.role === 'viewer')
    return (
      <Page title="New service">
        <Failed title="No service is made" message="This takes an operator, or a deployer for its stack." />
      </Page>
    );
  return <Making stack={account.role === 'deployer' ? account.stacks[0] : undefined} />;
}

/** `stack`: the one that it has to belong to. */
function Making({ stack }: { stack: string | undefined }) {
  const [, go] = useLocation();
  const draft = useDraft(newSpec(stack));
  const [isTried, setTried] = useState(false);
  const { made, isWrong, names, change } = draft;
  const image = made.TaskTemplate?.ContainerSpec?.Image;
  const make = async (): Promise<void> => {
    setTried(true);
    if (!made.Name || !image || isWrong) return;
    await doing(`make ${made.Name}`, async () => {
      const { ID } = await post<{ ID: string }>('/services/create', made);
      go(`/services/${ID}`);
      return `${made.Name} is made: its tasks are being started`;
    });
  };
  return (
    <Page
      title="New service"
      actions={
        <>
          <Button size="xs" variant="default" onClick={() => go('/services')}>
            Cancel
          </Button>
          <Button size="xs" onClick={() => void make()}>
            Create
          </Button>
        </>
      }
    >
      <Stack gap="sm">
        <Text size="sm">
          Several services that belong together are a stack: <Link to="/stacks/new">deploy a stack</Link>.
        </Text>
        <Group gap="xs" align="flex-start">
          <TextInput
            size="xs"
            label="Name"
            placeholder={stack ? `${stack}_web` : 'web'}
            value={made.Name ?? ''}
            error={isTried && !made.Name ? 'Say what it is called.' : undefined}
            onChange={(event) => change({ Name: event.currentTarget.value })}
          />
          <Select
            size="xs"
            label="Mode"
            data={[
              { value: 'replicated', label: 'replicated' },
              { value: 'global', label: 'global: one on each node' },
            ]}
            value={made.Mode?.Global ? 'global' : 'replicated'}
            allowDeselect={false}
            onChange={(mode) =>
              change({ Mode: mode === 'global' ? { Global: {} } : { Replicated: { Replicas: 1 } } })
            }
          />
        </Group>
        {isTried && !image && <Failed title="It has no image" message="Say which image its tasks run." />}
        <SpecForm draft={draft} />
        <Command text={createCommand(made, names)} />
      </Stack>
    </Page>
  );
}
