/** A log as it is written: pushed, drawn only where it is in view, searched; scrolling up stops the scrolling, not the log. */
import { Button, Group, SegmentedControl, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useList, useLog } from '../api/live.ts';
import { ansiSpans, colorOf, lineTime, type TimeStyle } from '../format/log.ts';
import { Failed } from './Failed.tsx';

export function LogView({ channel, of }: { channel: string; of: string }) {
  const { lines, isOver, error } = useLog(channel);
  const tasks = useList('tasks').rows;
  const [search, setSearch] = useState('');
  const [times, setTimes] = useLocalStorage<TimeStyle>({ key: 'log-times', defaultValue: 'local' });
  const [isWrapped, setWrapped] = useLocalStorage({ key: 'log-wrap', defaultValue: true });
  const [isPaused, setPaused] = useState(false);
  const [seen, setSeen] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const names = useMemo(() => new Map(tasks.map(({ id, name }) => [id, name])), [tasks]);
  const words = search.toLowerCase();
  const shown = useMemo(
    () => (words ? lines.filter(({ text }) => text.toLowerCase().includes(words)) : lines),
    [lines, words],
  );
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 20,
    overscan: 30,
  });
  const total = lines.length === 0 ? 0 : lines.at(-1)!.number;
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each new line the end is the end
  useEffect(() => {
    if (isPaused || shown.length === 0) return;
    virtual.scrollToIndex(shown.length - 1, { align: 'end' });
    setSeen(total);
  }, [shown.length, total, isPaused]);

  if (error) return <Failed title={`The log of ${of} cannot be read`} message={error} />;
  const download = (): void => {
    const text = lines.map(({ at, task, text }) => `${at} ${names.get(task) ?? task} ${text}`).join('\n');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
    link.download = `${of}.log`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <TextInput
          size="xs"
          placeholder="Search in the log"
          aria-label="Search in the log"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
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
          {words ? `${shown.length} of ${lines.length} lines` : `${lines.length} lines`}
          {isOver && ', the log has ended'}
        </Text>
        {isPaused && (
          <Button size="compact-xs" onClick={() => setPaused(false)}>
            {total > seen ? `${total - seen} new, go to the end` : 'Go to the end'}
          </Button>
        )}
      </Group>
      {lines.length === 0 ? (
        <Text size="sm" c="dimmed">
          {isOver ? 'Nothing was written.' : 'Nothing written yet.'}
        </Text>
      ) : (
        <div
          ref={scroller}
          className="log"
          role="log"
          aria-label={`Log of ${of}`}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled with the keyboard
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
            if (isAtEnd && isPaused) setPaused(false);
          }}
          onWheel={({ deltaY }) => deltaY < 0 && setPaused(true)}
          onKeyDown={({ key }) => ['PageUp', 'ArrowUp', 'Home'].includes(key) && setPaused(true)}
          onTouchMove={() => setPaused(true)}
        >
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map((item) => {
              const { number, task, stream, at, text } = shown[item.index]!;
              return (
                <div
                  key={number}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className="log-line"
                  data-stream={stream}
                  style={{
                    transform: `translateY(${item.start}px)`,
                    whiteSpace: isWrapped ? 'pre-wrap' : 'pre',
                  }}
                >
                  {times !== 'off' && <span className="log-time">{lineTime(at, times)} </span>}
                  {task && (
                    <span style={{ color: `var(--log-${colorOf(task)})` }}>
                      {names.get(task) ?? task.slice(0, 12)}{' '}
                    </span>
                  )}
                  {stream === 'stderr' && <span className="log-err">err </span>}
                  {ansiSpans(text).map(({ text: part, color, isBold }, index) => (
                    <span
                      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line never change
                      key={index}
                      style={{ color: color && `var(--log-${color})`, fontWeight: isBold ? 700 : undefined }}
                    >
                      {part}
                    </span>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      )}
    </Stack>
  );
}
