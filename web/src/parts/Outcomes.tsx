/** A question whose answer is carried out on several hosts: what has come of it on each, as it comes. */
import '@mantine/core/styles/Pill.css';
import '@mantine/core/styles/PillsInput.css';
import { Alert, Button, Group, Modal, MultiSelect, Stack, Table, Text } from '@mantine/core';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { HostOutcome } from '../../../src/ui/protocol.ts';
import { useList } from '../api/live.ts';
import { outcomes } from '../api/outcomes.ts';
import { outcomeText } from '../format/container.ts';
import { bytes } from '../format/size.ts';
import { Command } from './Ask.tsx';
import { Sign } from './Sign.tsx';

interface Props {
  title: string;
  action: string;
  color?: string;
  children?: ReactNode;
  command: string;
  /** The request, for these nodes; none: all. */
  request: (nodes: string[]) => { method: string; path: string; body?: unknown };
  /** Those that it may be done on; absent: all. */
  nodes?: Array<{ node: string; name: string }>;
  onClose: () => void;
}

export function AskEverywhere({
  title,
  action,
  color = 'honey',
  children,
  command,
  request,
  nodes,
  onClose,
}: Props) {
  const all = useList('nodes').rows;
  const [chosen, setChosen] = useState<string[]>([]);
  const [done, setDone] = useState<HostOutcome[]>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const places = nodes ?? all.map(({ id, name }) => ({ node: id, name }));
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    setDone([]);
    const { method, path, body } = request(chosen);
    try {
      await outcomes(method, path, body, (outcome) => setDone((before = []) => [...before, outcome]));
    } catch (reason) {
      setError((reason as Error).message);
    }
    setBusy(false);
  };
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(event) => void submit(event)}>
        <Stack gap="sm">
          {children}
          <MultiSelect
            label="On"
            placeholder={chosen.length === 0 ? 'all hosts' : undefined}
            data={places.map(({ node, name }) => ({ value: node, label: name }))}
            value={chosen}
            onChange={setChosen}
            clearButtonProps={{ 'aria-label': 'All hosts' }}
          />
          <Command text={command} />
          {error && (
            <Alert color="red" variant="outline" role="alert">
              {error}
            </Alert>
          )}
          {done && (
            <Table aria-label="What has come of it">
              <Table.Tbody>
                {done.map(({ node, name, ok, message }) => (
                  <Table.Tr key={node} data-outcome={name}>
                    <Table.Td>{name}</Table.Td>
                    <Table.Td>
                      <Sign tone={ok ? 'good' : 'bad'} word={ok ? 'done' : 'failed'} />
                    </Table.Td>
                    <Table.Td>{outcomeText(message, bytes)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
          {busy && (
            <Text size="sm" role="status">
              {done?.length ?? 0} of {chosen.length || places.length} hosts are done
            </Text>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {done && !busy ? 'Close' : 'Cancel'}
            </Button>
            <Button type="submit" color={color} loading={busy}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
