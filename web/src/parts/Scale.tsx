/** How many replicas of a service there are to be: a number, − and +. */
import { ActionIcon, Group, NumberInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { ServiceRow } from '../../../src/ui/protocol.ts';
import { scale } from '../api/actions.ts';
import { counted } from '../format/size.ts';
import { doing } from './doing.tsx';

const MOST = 100_000;

export function Scale({ service }: { service: ServiceRow }) {
  const { id, name, wanted } = service;
  const [value, setValue] = useState<number | string>(wanted);
  // What somebody else has set is shown.
  useEffect(() => setValue(wanted), [wanted]);

  const typed = (): void => {
    // Nothing is no number: the field that was emptied is not to stop all tasks.
    if (value === '') setValue(wanted);
    else set(Number(value));
  };
  const set = (replicas: number): void => {
    if (!Number.isInteger(replicas) || replicas < 0 || replicas > MOST || replicas === wanted) return;
    setValue(replicas);
    void doing(`scale ${name} to ${replicas}`, async () => {
      const before = await scale(id, replicas);
      const command = `docker service scale ${name}=${replicas}`;
      return {
        done: `${name}: ${counted(replicas, 'replica')} wanted`,
        undo: () => scale(id, before),
        command,
      };
    }).then((isDone) => {
      if (!isDone) setValue(wanted);
    });
  };

  return (
    <Group gap={4} wrap="nowrap">
      <ActionIcon
        size="sm"
        variant="default"
        aria-label={`One replica of ${name} less`}
        onClick={() => set(wanted - 1)}
      >
        −
      </ActionIcon>
      <NumberInput
        size="xs"
        w={64}
        min={0}
        max={MOST}
        hideControls
        allowDecimal={false}
        aria-label={`Replicas of ${name}`}
        value={value}
        onChange={setValue}
        onBlur={typed}
        onKeyDown={(event) => {
          if (event.key === 'Enter') typed();
          if (event.key === 'Escape') setValue(wanted);
        }}
      />
      <ActionIcon
        size="sm"
        variant="default"
        aria-label={`One replica of ${name} more`}
        onClick={() => set(wanted + 1)}
      >
        +
      </ActionIcon>
    </Group>
  );
}
