/** The editor of a stack: files, what is wrong with them, what would change; then the deployment as it goes on. */
import {
  Button,
  Checkbox,
  CloseButton,
  FileButton,
  Group,
  Loader,
  Tabs,
  Text,
  TextInput,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { Link, useLocation, useParams, useSearchParams } from 'wouter';
import type { Checked, PlanRow, StackDifference } from '../../../src/ui/protocol.ts';
import { post, RequestError } from '../api/http.ts';
import { partOf, stackApi, stackPage } from '../format/paths.ts';
import { fileName } from '../format/plan.ts';
import { Answered } from '../parts/Answered.tsx';
import { Command } from '../parts/Ask.tsx';
import { Diff } from '../parts/Diff.tsx';
import { Failed } from '../parts/Failed.tsx';
import { Page } from '../parts/Page.tsx';
import { Plan } from '../parts/Plan.tsx';
import { useRights } from '../parts/who.ts';
import { Findings } from './stacks/Findings.tsx';
import { Progress } from './stacks/Progress.tsx';
import { type Files, LIVE, type Start, since, startOf } from './stacks/start.ts';

const Editor = lazy(() => import('../parts/Editor.tsx'));

const COMPOSE = 'compose.yaml';
const EXAMPLE = `services:
  web:
    image: nginx
    ports:
      - "8080:80"
    deploy:
      replicas: 2
`;

export function StackEdit() {
  const { name: param } = useParams();
  const name = param && partOf(param);
  const [params] = useSearchParams();
  const from = params.get('from');
  const query = useQuery({
    queryKey: ['stack-start', name, from],
    queryFn: () =>
      name ? startOf(name, from) : Promise.resolve<Start>({ files: { [COMPOSE]: EXAMPLE, '.env': '' } }),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <Answered what={name ? `the files of ${name}` : 'the files'} query={query} height={300}>
      {(data) => (
        <Editing
          key={`${name} ${from}`}
          isNew={!name}
          isOlder={from !== null}
          first={name ?? ''}
          start={data}
        />
      )}
    </Answered>
  );
}

interface EditingProps {
  isNew: boolean;
  /** It does not begin with the last revision. */
  isOlder: boolean;
  first: string;
  start: Start;
}

function Editing({ isNew, isOlder, first, start }: EditingProps) {
  const [name, setName] = useState(first);
  const [files, setFiles] = useState<Files>(() => ({ [COMPOSE]: '', '.env': '', ...start.files }));
  const [open, setOpen] = useState(COMPOSE);
  const [prune, setPrune] = useState(false);
  const [message, setMessage] = useState('');
  const [isDeploying, setDeploying] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [done, setDone] = useState<{ revision: number; plan: PlanRow[] }>();
  const [meanwhile, setMeanwhile] = useState<StackDifference>();
  const [, navigate] = useLocation();
  const rights = useRights();
  const mayDeploy = isNew ? rights.account.role !== 'viewer' : rights.change(name);
  const asked = useMemo(() => ({ name: name || 'stack', files, prune }), [name, files, prune]);
  const [paused] = useDebouncedValue(asked, 300);
  const check = useQuery({
    queryKey: ['check', paused],
    queryFn: () => post<Checked>('/essaim/compose/check', paused),
    placeholderData: (before) => before,
  });
  const isChanged =
    done === undefined &&
    JSON.stringify(files) !== JSON.stringify({ [COMPOSE]: '', '.env': '', ...start.files });
  const problems = check.data?.problems ?? [];
  const marks = useMemo(() => problems.filter(({ file }) => file === open), [problems, open]);
  const isDrifted = check.data?.plan?.some(({ action, kind }) => kind === 'service' && action !== 'keep');
  // Of what was not touched yet, what differs is what others have done.
  const drift = !isNew && !start.isExported && !isOlder && !isChanged && !done && isDrifted;
  const errors = problems.filter(({ severity }) => severity === 'error');

  const add = async (list: File[]): Promise<void> => {
    const read = await Promise.all(
      list.map(async (file) => [fileName(file.name), await file.text()] as const),
    );
    setFiles((before) => ({ ...before, ...Object.fromEntries(read) }));
    setOpen(read.at(-1)?.[0] ?? open);
  };
  const deploy = async (): Promise<void> => {
    if (!name) {
      setFailure('Give the stack a name.');
      return;
    }
    setDeploying(true);
    setFailure(undefined);
    try {
      const path = stackApi(name);
      const base = done?.revision ?? start.base;
      setDone(await post(path, { ...{ files, prune, message, base } }));
      setMeanwhile(undefined);
    } catch (error) {
      setFailure((error as Error).message);
      if (error instanceof RequestError && error.status === 409) setMeanwhile(await since(name, start.base));
    } finally {
      setDeploying(false);
    }
  };

  // What was typed is not lost by a click beside it.
  useEffect(() => {
    if (!isChanged) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isChanged]);

  return (
    <Page
      title={isNew ? 'New stack' : `Edit ${name}`}
      actions={
        <>
          <Button size="xs" variant="default" onClick={() => navigate(isNew ? '/stacks' : stackPage(name))}>
            {done === undefined ? 'Cancel' : 'Done'}
          </Button>
          {mayDeploy && (
            <Button size="xs" loading={isDeploying} onClick={() => void deploy()}>
              Deploy
            </Button>
          )}
        </>
      }
    >
      {start.isExported && (
        <Text size="sm" role="status">
          {start.base === undefined
            ? 'This stack was deployed by the docker CLI: the file was made from what runs. Deployed from here it becomes revision 1.'
            : 'The file was made from what runs.'}
        </Text>
      )}
      {drift && (
        <Group gap="xs" role="status">
          <Text size="sm">
            ▲ What runs is not what revision {start.base} says: it was changed by other ways since. A
            deployment overwrites that, as the plan below says.
          </Text>
          <Button
            size="compact-xs"
            variant="default"
            component={Link}
            href={stackPage(name, `/edit?from=${LIVE}`)}
          >
            Begin with what runs
          </Button>
        </Group>
      )}
      <Group align="flex-end" gap="sm">
        {isNew && (
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            w={220}
            data-autofocus
          />
        )}
        <FileButton
          onChange={(list) => void add(list)}
          multiple
          inputProps={{ 'aria-label': 'Files of the stack' }}
        >
          {(props) => (
            <Button {...props} size="sm" variant="default">
              Upload files
            </Button>
          )}
        </FileButton>
        <TextInput
          label="What is changed"
          placeholder="for whoever reads the revisions"
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          w={260}
        />
        <Checkbox
          label="remove services that are not in the file"
          checked={prune}
          onChange={(event) => setPrune(event.currentTarget.checked)}
          mb={8}
        />
      </Group>
      {failure && <Failed title="Not deployed" message={failure} />}
      {meanwhile && (
        <>
          {meanwhile.changes && (
            <Plan title="What was changed meanwhile" isComparison plan={meanwhile.changes} />
          )}
          <Diff
            name={COMPOSE}
            before={meanwhile.before[COMPOSE] ?? ''}
            after={meanwhile.after[COMPOSE] ?? ''}
          />
        </>
      )}
      {done && <Progress stack={name} {...done} />}
      <Tabs value={open} onChange={(value) => setOpen(value ?? COMPOSE)} keepMounted={false}>
        <Tabs.List>
          {Object.keys(files).map((file) => (
            <Tabs.Tab
              key={file}
              value={file}
              rightSection={
                problems.some((each) => each.file === file && each.severity === 'error') ? (
                  <span title="errors">▲</span>
                ) : undefined
              }
            >
              {file}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {Object.keys(files).map((file) => (
          <Tabs.Panel key={file} value={file} pt="xs">
            {file !== COMPOSE && file !== '.env' && (
              <Group justify="flex-end">
                <CloseButton
                  aria-label={`Take ${file} away`}
                  onClick={() => {
                    setFiles(({ [file]: _, ...rest }) => rest);
                    setOpen(COMPOSE);
                  }}
                />
              </Group>
            )}
            <Suspense fallback={<Loader aria-label="The editor is being loaded" />}>
              <Editor
                label={file}
                name={file}
                value={files[file]!}
                marks={marks}
                onChange={(text) => setFiles((before) => ({ ...before, [file]: text }))}
                onSave={() => void check.refetch()}
                onDeploy={() => void deploy()}
              />
            </Suspense>
          </Tabs.Panel>
        ))}
      </Tabs>
      {check.error && (
        <Failed
          title="The file cannot be checked"
          message={check.error.message}
          again={() => void check.refetch()}
        />
      )}
      {check.data && <Findings of={check.data} />}
      {errors.length === 0 && check.data?.plan && (
        <Plan title="What a deployment would change" plan={check.data.plan} />
      )}
      <Command text={`docker stack deploy -c ${COMPOSE} ${prune ? '--prune ' : ''}${name || 'NAME'}`} />
    </Page>
  );
}
