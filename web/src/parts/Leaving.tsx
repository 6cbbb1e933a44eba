/** What it means for the tasks of a node to leave it, before they do. */
import { List, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { DrainPlan } from '../../../src/ui/protocol.ts';
import { get } from '../api/http.ts';
import { drainLines } from '../format/drain.ts';
import { Answered } from './Answered.tsx';

export function Leaving({ node }: { node: string }) {
  const query = useQuery({
    queryKey: ['drain', node],
    queryFn: () => get<DrainPlan>(`/essaim/nodes/${node}/drain`),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <Answered what="the plan" query={query}>
      {(plan) => (
        <List size="sm" listStyleType="none" aria-label="What its tasks do">
          {drainLines(plan).map(({ text, isBad }) => (
            <List.Item key={text}>
              <Text size="sm" c={isBad ? 'red.9' : undefined} className={isBad ? 'problem' : undefined}>
                {isBad ? '▲' : '●'} {text}
              </Text>
            </List.Item>
          ))}
        </List>
      )}
    </Answered>
  );
}
