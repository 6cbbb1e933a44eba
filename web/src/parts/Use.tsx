/** What a service, a task, a container or a node uses: an hour closely, a day by the minute; from what the hosts keep. */
import { Alert, SegmentedControl, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { Stats } from '../../../src/ui/protocol.ts';
import { get } from '../api/http.ts';
import { columnsOf, grown, processors } from '../format/plot.ts';
import { bytes } from '../format/size.ts';
import { Failed } from './Failed.tsx';

const Plot = lazy(() => import('./Plot.tsx'));

const SPANS = { close: 3_600_000, minute: 86_400_000 };
type Span = keyof typeof SPANS;

interface Line {
  title: string;
  names: string[];
  /** Which values of a point. */
  of: number[];
  text: (value: number) => string;
}

const rate = (value: number): string => `${bytes(value)}/s`;
const LINES: Line[] = [
  { title: 'Processors', names: ['processors'], of: [1], text: processors },
  { title: 'Memory', names: ['memory'], of: [2], text: bytes },
  { title: 'Network', names: ['received', 'sent'], of: [3, 4], text: rate },
  { title: 'Disks', names: ['read', 'written'], of: [5, 6], text: rate },
];

/** `of`: as the API takes it: `service=ID`. */
export function Use({ of, isHost }: { of: string; isHost?: true }) {
  const queries = useQueryClient();
  const [by, setBy] = useState<Span>('close');
  const key = ['stats', of, by];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: async () => {
      const before = queries.getQueryData<Stats>(key);
      const since = Date.now() - SPANS[by];
      const last = before?.points.at(-1)?.[0] ?? since;
      const more = await get<Stats>(`/essaim/stats?${of}&by=${by}&from=${Math.max(since, last)}`);
      return { ...more, points: grown(before?.points ?? [], more.points, since) };
    },
    refetchInterval: by === 'close' ? 10_000 : 60_000,
  });
  const lines = isHost ? LINES.slice(0, 2) : LINES;
  return (
    <Stack gap="sm">
      <SegmentedControl
        size="xs"
        aria-label="Over what time"
        value={by}
        onChange={(value) => setBy(value as Span)}
        data={[
          { value: 'close', label: 'The last hour' },
          { value: 'minute', label: 'The last day' },
        ]}
        style={{ alignSelf: 'flex-start' }}
      />
      {data?.silent.map(({ node, why }) => (
        <Alert key={node} variant="outline" color="orange" p="xs">
          {node} does not tell what is used there: {why}
        </Alert>
      ))}
      {error ? (
        <Failed title="What is used cannot be shown" message={error.message} again={() => void refetch()} />
      ) : !data ? (
        <Skeleton height={180} aria-label="What is used is being loaded" />
      ) : data.points.length === 0 ? (
        <Text size="sm">
          {by === 'close'
            ? 'Nothing is known yet: hosts look every ten seconds, and tell from the second look on.'
            : 'Nothing is known yet: a minute is told once it is over.'}
        </Text>
      ) : (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          {lines.map((line) => (
            <Drawn key={line.title} line={line} stats={data as Stats} />
          ))}
        </SimpleGrid>
      )}
    </Stack>
  );
}

function Drawn({ line: { title, names, of, text }, stats }: { line: Line; stats: Stats }) {
  const columns = useMemo(() => columnsOf(stats.points, stats.step, of), [stats, of]);
  const newest = stats.points.at(-1)!;
  const now = names.map((name, index) => {
    const value = text(newest[of[index]!] ?? 0);
    return names.length > 1 ? `${name} ${value}` : value;
  });
  return (
    <div data-plot={title}>
      <Text size="sm" fw={600}>
        {title}: {now.join(', ')}
      </Text>
      <Suspense fallback={<Skeleton height={180} />}>
        <Plot
          label={`${title} over time, now ${now.join(', ')}`}
          columns={columns}
          names={names}
          text={text}
        />
      </Suspense>
    </div>
  );
}
