/** What a stack was deployed from, time after time: compared with each other and with what runs, deployed again. */
import { Button, Checkbox, Code, Group, Select, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link as Route, useSearchParams } from 'wouter';
import type { Checked, PlanRow, StackDifference } from '../../../../src/ui/protocol.ts';
import { get, post } from '../../api/http.ts';
import { useList } from '../../api/live.ts';
import { stackApi, stackPage } from '../../format/paths.ts';
import { Age } from '../../parts/Age.tsx';
import { Ask } from '../../parts/Ask.tsx';
import { Diff } from '../../parts/Diff.tsx';
import { doing } from '../../parts/doing.tsx';
import { Failed } from '../../parts/Failed.tsx';
import { Plan } from '../../parts/Plan.tsx';
import { Progress } from './Progress.tsx';

export interface Revision {
  number: number;
  at: string;
  actor: string;
  message: string;
  files: Record<string, string>;
}

export function Revisions({ stack }: { stack: string }) {
  const last = useList('stacks').rows.find(({ id }) => id === stack)?.revision;
  const { data, error, refetch } = useQuery({
    queryKey: ['revisions', stack, last],
    queryFn: () => get<Revision[]>(stackApi(stack, '/revisions')),
    placeholderData: (before) => before,
  });
  const [params, setParams] = useSearchParams();
  const [deployed, setDeployed] = useState<{ revision: number; plan: PlanRow[] }>();
  const set = (values: Record<string, string | undefined>): void =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        for (const [key, value] of Object.entries(values))
          if (value === undefined) after.delete(key);
          else after.set(key, value);
        return after;
      },
      { replace: true },
    );
  if (error)
    return (
      <Failed title="The revisions cannot be read" message={error.message} again={() => void refetch()} />
    );
  if (!data) return <Skeleton height={100} aria-label="The revisions are being loaded" />;
  if (data.length === 0)
    return (
      <Text size="sm">
        This stack was deployed by the docker CLI. The first time that it is deployed from here is revision 1.
      </Text>
    );
  const back = data.find(({ number }) => String(number) === params.get('back'));
  const [a, b] = [params.get('a') ?? undefined, params.get('b') ?? undefined];
  return (
    <Stack gap="sm">
      {deployed && <Progress stack={stack} {...deployed} />}
      <Table.ScrollContainer minWidth={300}>
        <Table aria-label="Revisions">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Revision</Table.Th>
              <Table.Th>By</Table.Th>
              <Table.Th>When</Table.Th>
              <Table.Th>What was changed</Table.Th>
              <Table.Th>Actions</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.map(({ number, at, actor, message }, index) => (
              <Table.Tr key={number} data-revision={number}>
                <Table.Td>{number}</Table.Td>
                <Table.Td>{actor || 'root'}</Table.Td>
                <Table.Td>
                  <Age of={at} ago />
                </Table.Td>
                <Table.Td>{message}</Table.Td>
                <Table.Td>
                  <Group gap="xs">
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() =>
                        set({
                          a: String(data[index + 1]?.number ?? number),
                          b: String(number),
                          tab: 'revisions',
                        })
                      }
                    >
                      Show
                    </Button>
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => set({ back: String(number), tab: 'revisions' })}
                    >
                      {index === 0 ? 'Deploy again' : 'Roll back to it'}
                    </Button>
                    <Button
                      size="compact-xs"
                      variant="default"
                      component={Route}
                      href={stackPage(stack, `/edit?from=${number}`)}
                    >
                      Edit
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Compare stack={stack} revisions={data} a={a} b={b} onChange={set} />
      {back && (
        <RollBack
          stack={stack}
          to={back.number}
          base={data[0]!.number}
          onClose={() => set({ back: undefined })}
          onDone={setDeployed}
        />
      )}
    </Stack>
  );
}

interface CompareProps {
  stack: string;
  revisions: readonly Revision[];
  a: string | undefined;
  b: string | undefined;
  onChange: (values: Record<string, string | undefined>) => void;
}

function Compare({ stack, revisions, a, b, onChange }: CompareProps) {
  const { data, error } = useQuery({
    queryKey: ['stack-diff', stack, a, b, revisions[0]?.number],
    queryFn: () => {
      const query = new URLSearchParams({ ...(a !== 'runs' && { a: a! }), ...(b !== 'runs' && { b: b! }) });
      return get<StackDifference>(stackApi(stack, `/diff?${query}`));
    },
    enabled: a !== undefined && b !== undefined,
    staleTime: 0,
  });
  const choices = [
    ...revisions.map(({ number }) => ({ value: String(number), label: `revision ${number}` })),
    { value: 'runs', label: 'what runs' },
  ];
  const files = data ? [...new Set([...Object.keys(data.before), ...Object.keys(data.after)])] : [];
  return (
    <>
      <Group gap="xs" align="flex-end">
        <Select
          size="xs"
          label="Compare"
          data={choices}
          value={a ?? null}
          onChange={(value) => onChange({ a: value ?? undefined, b: b ?? 'runs' })}
        />
        <Select
          size="xs"
          label="with"
          data={choices}
          value={b ?? null}
          onChange={(value) => onChange({ b: value ?? undefined, a: a ?? String(revisions[0]!.number) })}
        />
      </Group>
      {error && <Failed title="They cannot be compared" message={error.message} />}
      {data?.changes && data.changes.length > 0 && (
        <Plan title="What differs" isComparison plan={data.changes} />
      )}
      {data?.changes?.length === 0 && <Text size="sm">They mean the same.</Text>}
      {data &&
        a !== b &&
        files.map((file) => (
          <Diff key={file} name={file} before={data.before[file] ?? ''} after={data.after[file] ?? ''} />
        ))}
      {data &&
        a === b &&
        Object.entries(data.after).map(([file, text]) => (
          <div key={file}>
            <Text size="sm" fw={600}>
              {file}
            </Text>
            <Code block tabIndex={0}>
              {text}
            </Code>
          </div>
        ))}
    </>
  );
}

interface RollBackProps {
  stack: string;
  to: number;
  base: number;
  onClose: () => void;
  onDone: (deployed: { revision: number; plan: PlanRow[] }) => void;
}

/** By its plan: what would change, and what restarts. */
function RollBack({ stack, to, base, onClose, onDone }: RollBackProps) {
  const [prune, setPrune] = useState(true);
  const { data, error } = useQuery({
    queryKey: ['stack-back', stack, to, prune],
    queryFn: async () => {
      const { files } = await get<Revision>(stackApi(stack, `/revisions/${to}`));
      return { files, checked: await post<Checked>('/essaim/compose/check', { name: stack, files, prune }) };
    },
    staleTime: 0,
    gcTime: 0,
  });
  const isLast = to === base;
  const changes = data?.checked.plan?.filter(({ action }) => action !== 'keep') ?? [];
  const wrong = data?.checked.problems.filter(({ severity }) => severity === 'error') ?? [];
  return (
    <Ask
      title={isLast ? `Deploy revision ${to} again` : `Roll ${stack} back to revision ${to}`}
      action={isLast ? 'Deploy' : 'Roll back'}
      command={`docker stack deploy ${prune ? '--prune ' : ''}-c compose.yaml ${stack}   # with the files of revision ${to}`}
      isWide
      onClose={onClose}
      onDo={() =>
        doing(`deploy revision ${to} of ${stack}`, async () => {
          const files = data?.files ?? (await get<Revision>(stackApi(stack, `/revisions/${to}`))).files;
          const message = isLast ? `revision ${to} again` : `back to revision ${to}`;
          const done = await post<{ revision: number; plan: PlanRow[] }>(stackApi(stack), {
            ...{ files, prune, message, base },
          });
          onDone(done);
          return `Revision ${to} of ${stack} is being deployed, as revision ${done.revision}`;
        })
      }
    >
      {error && <Failed title="The plan cannot be made" message={error.message} />}
      {!data && !error && <Skeleton height={60} aria-label="The plan is being made" />}
      {wrong.map((problem) => (
        <Text key={problem.message} size="sm" c="red.9" className="problem">
          ▲ {problem.file}, line {problem.line}: {problem.message}
        </Text>
      ))}
      {data && wrong.length === 0 && changes.length === 0 && (
        <Text size="sm">Nothing would change: it is what runs.</Text>
      )}
      {changes.length > 0 && <Plan title="What would change" plan={changes} />}
      <Checkbox
        label="remove services that are not in it"
        checked={prune}
        onChange={(event) => setPrune(event.currentTarget.checked)}
      />
    </Ask>
  );
}
