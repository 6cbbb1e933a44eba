/** The lines of a log: drawn only where they are in view, at the end until one scrolls up. */
import { Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { ansiSpans, lineTime, type TaskColors, type TimeStyle } from '../format/log.ts';
import { foundParts, type NumberedLine } from '../format/log-lines.ts';

interface Props {
  of: string;
  lines: readonly NumberedLine[];
  /** How many there have been, those that are not shown too. */
  count: number;
  look: { times: TimeStyle; isWrapped: boolean; colors: TaskColors };
  /** Of tasks, by id. */
  names: ReadonlyMap<string, string>;
  search: RegExp | undefined;
}

export function LogLines({ of, lines, count, look: { times, isWrapped, colors }, names, search }: Props) {
  const [isPaused, setPaused] = useState(false);
  const [seen, setSeen] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 20,
    overscan: 30,
    getItemKey: (index) => lines[index]!.number,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each new line the end is the end
  useEffect(() => {
    if (isPaused || lines.length === 0) return;
    virtual.scrollToIndex(lines.length - 1, { align: 'end' });
    setSeen(count);
  }, [lines.length, count, isPaused]);
  return (
    <div className="log-place">
      <div
        ref={scroller}
        className="log log-colors"
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
            const { task, stream, at, text } = lines[item.index]!;
            return (
              <div
                key={item.key}
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
                  <span style={{ color: `var(--log-${colors.of(task)})` }}>
                    {names.get(task) ?? task.slice(0, 12)}{' '}
                  </span>
                )}
                {stream === 'stderr' && <span className="log-err">err </span>}
                <LineText text={text} search={search} />
              </div>
            );
          })}
        </div>
      </div>
      {isPaused && (
        <Button className="log-end" size="compact-xs" onClick={() => setPaused(false)}>
          {count > seen ? `${count - seen} new, go to the end` : 'Go to the end'}
        </Button>
      )}
    </div>
  );
}

function LineText({ text, search }: { text: string; search: RegExp | undefined }) {
  return ansiSpans(text).map(({ text: part, color, isBold }, index) => (
    <span
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line never change
      key={index}
      style={{ color: color && `var(--log-${color})`, fontWeight: isBold ? 700 : undefined }}
    >
      {search
        ? foundParts(part, search).map(({ text, isFound }, at) =>
            isFound ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line never change
              <mark key={at}>{text}</mark>
            ) : (
              text
            ),
          )
        : part}
    </span>
  ));
}
