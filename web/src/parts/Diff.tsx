/** Two texts beside each other, or one through the other; what is the same is left out. */
import './diff.css';
import { Code, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { useMemo } from 'react';
import { diffLines, type Folded, folded, sideBySide } from '../format/diff.ts';
import { counted } from '../format/size.ts';

interface Props {
  /** What it is of. */
  name: string;
  before: string;
  after: string;
}

const SIGN: Record<Folded['kind'], string> = { same: ' ', gone: '−', new: '+', 'left-out': '…' };

export function Diff({ name, before, after }: Props) {
  const isPhone = useMediaQuery('(max-width: 48em)') ?? false;
  const [look, setLook] = useLocalStorage<'one' | 'two'>({ key: 'diff-look', defaultValue: 'one' });
  const lines = useMemo(() => folded(diffLines(before, after)), [before, after]);
  if (lines.every(({ kind }) => kind === 'left-out' || kind === 'same'))
    return <Text size="sm">{name} is the same.</Text>;
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {name}
        </Text>
        {!isPhone && (
          <SegmentedControl
            size="xs"
            aria-label="How the difference is shown"
            value={look}
            onChange={(value) => setLook(value as 'one' | 'two')}
            data={[
              { value: 'one', label: 'unified' },
              { value: 'two', label: 'side by side' },
            ]}
          />
        )}
      </Group>
      {look === 'two' && !isPhone ? (
        <div className="diff diff-two" role="group" aria-label={`Difference of ${name}`}>
          {sideBySide(lines).map(([left, right], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines of texts that do not change
            <Row key={index} lines={[left, right]} />
          ))}
        </div>
      ) : (
        <div className="diff" role="group" aria-label={`Difference of ${name}`}>
          {lines.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines of texts that do not change
            <Line key={index} line={line} />
          ))}
        </div>
      )}
    </Stack>
  );
}

function Row({ lines: [left, right] }: { lines: [Folded | undefined, Folded | undefined] }) {
  return (
    <>
      <Line line={left} side="before" />
      <Line line={right} side="after" />
    </>
  );
}

function Line({ line, side }: { line: Folded | undefined; side?: 'before' | 'after' }) {
  if (!line) return <div className="diff-line" data-kind="none" />;
  if (line.kind === 'left-out')
    return (
      <div className="diff-line" data-kind="left-out">
        … {counted(line.count, 'line')} the same
      </div>
    );
  const number = side === 'before' ? line.before : (line.after ?? line.before);
  return (
    <div className="diff-line" data-kind={line.kind}>
      <span className="diff-number">{number}</span>
      <Code className="diff-text">
        {SIGN[line.kind]} {line.text}
      </Code>
    </div>
  );
}
