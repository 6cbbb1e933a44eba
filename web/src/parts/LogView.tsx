/** A log as it is written: pushed, searched, of one or of many; scrolling up stops the scrolling, not the log. */
import { Button, Group, SegmentedControl, Stack, Switch, Text, TextInput, Toggle } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useList, useLog } from '../api/live.ts';
import { TaskColors, type TimeStyle } from '../format/log.ts';
import { searchOf } from '../format/log-lines.ts';
import { counted } from '../format/size.ts';
import { Failed } from './Failed.tsx';
import { LogLines } from './LogLines.tsx';

/** More replicas than that have no switch of their own. */
const MOST_SWITCHES = 40;

export function LogView({ channel, of }: { channel: string; of: string }) {
  const log = useLog(channel);
  const tasks = useList('tasks').rows;
  const [typed, setTyped] = useState('');
  const [onlyFound, setOnlyFound] = useLocalStorage({ key: 'log-only-found', defaultValue: true });
  const [times, setTimes] = useLocalStorage<TimeStyle>({ key: 'log-times', defaultValue: 'local' });
  const [isWrapped, setWrapped] = useLocalStorage({ key: 'log-wrap', defaultValue: true });
  const [colors] = useState(() => new TaskColors());
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const { lines, isOver, error } = log;
  const names = useMemo(() => new Map(tasks.map(({ id, name }) => [id, name])), [tasks]);
  const writers = useMemo(() => [...new Set(lines.map(({ task }) => task))].filter(Boolean), [lines]);
  const search = useMemo(() => searchOf(typed), [typed]);
  const pattern = typeof search === 'string' ? undefined : search;
  const shown = useMemo(() => {
    const isFound = (text: string) => !pattern || !onlyFound || text.search(pattern) >= 0;
    if (hidden.size === 0 && !pattern) return lines;
    return lines.filter(({ task, text }) => !hidden.has(task) && isFound(text));
  }, [lines, hidden, pattern, onlyFound]);

  if (error) return <Failed title={`The log of ${of} cannot be read`} message={error} />;
  const download = (): void => {
    const text = shown.map(({ at, task, text }) => `${at} ${names.get(task) ?? task} ${text}`).join('\n');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
    link.download = `${of}.log`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const turn = (task: string): void =>
    setHidden((before) => {
      const after = new Set(before);
      if (!after.delete(task)) after.add(task);
      return after;
    });
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <TextInput
          size="xs"
          placeholder="Search, or /pattern/"
          aria-label="Search in the log"
          value={typed}
          error={typeof search === 'string' ? search : undefined}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Switch
          size="xs"
          label="only what is found"
          checked={onlyFound}
          onChange={(event) => setOnlyFound(event.currentTarget.checked)}
        />
        <SegmentedControl
          size="xs"
          aria-label="Times"
          value={times}
          onChange={(value) => setTimes(value as TimeStyle)}
          data={[
            { value: 'off', label: 'no times' },
            { value: 'local', label: 'local' },
            { value: 'utc', label: 'UTC' },
          ]}
        />
        <Switch
          size="xs"
          label="wrap"
          checked={isWrapped}
          onChange={(event) => setWrapped(event.currentTarget.checked)}
        />
        <Button size="compact-xs" variant="default" onClick={download}>
          Download
        </Button>
        <Text size="xs" c="dimmed" aria-live="off">
          {shown.length < lines.length
            ? `${shown.length} of ${lines.length} lines`
            : counted(lines.length, 'line')}
          {isOver && ', the log has ended'}
        </Text>
      </Group>
      {writers.length > 1 && writers.length <= MOST_SWITCHES && (
        <Group gap={4} role="group" aria-label="Replicas" className="log-colors">
          {writers.map((task) => (
            <Toggle
              key={task}
              size="xs"
              autoWidth
              active={!hidden.has(task)}
              onActiveChange={() => turn(task)}
              color="gray"
            >
              <span style={{ color: `var(--log-${colors.of(task)})` }}>{hidden.has(task) ? '○' : '●'}</span>
              &nbsp;{names.get(task) ?? task.slice(0, 12)}
            </Toggle>
          ))}
        </Group>
      )}
      {lines.length === 0 ? (
        <Text size="sm" c="dimmed">
          {isOver ? 'Nothing was written.' : 'Nothing written yet.'}
        </Text>
      ) : (
        <LogLines
          of={of}
          lines={shown}
          count={log.count}
          look={{ times, isWrapped, colors }}
          names={names}
          search={pattern}
        />
      )}
    </Stack>
  );
}
