/** A deployment as it goes on, task by task: done only when all that should run runs, or what has failed and why. */
import './progress.css';
import { Anchor, Button, Code, Group, Stack, Text } from '@mantine/core';
import { Link as Route } from 'wouter';
import type { PlanRow, TaskRow } from '../../../../src/ui/protocol.ts';
import { useList, useLog } from '../../api/live.ts';
import { stackPage } from '../../format/paths.ts';
import { overall, progressOf, type ServiceProgress } from '../../format/progress.ts';
import { exitText, SHAPE, taskTone } from '../../format/state.ts';
import { Link } from '../../parts/Link.tsx';

interface Props {
  stack: string;
  revision: number;
  /** What was done. */
  plan?: readonly PlanRow[];
}

/** More tasks of a service are counted, not shown one by one. */
const MOST_SHOWN = 60;
const SHAPES = { done: '●', going: '◐', failed: '▲' };
/** How many of its last lines are shown of a task that has failed. */
const LINES = 20;

export function Progress({ stack, revision, plan }: Props) {
  const services = useList('services', { stack });
  const tasks = useList('tasks', { stack });
  if (services.isLoading || tasks.isLoading) return <Text size="sm">Looking at what runs…</Text>;
  const progress = progressOf(services.rows, tasks.rows, plan);
  const state = overall(progress);
  const said = {
    done: `Revision ${revision} of ${stack} runs.`,
    going: `Revision ${revision} of ${stack} is being deployed.`,
    failed: `Revision ${revision} of ${stack} does not run.`,
  }[state];
  return (
    <Stack gap="xs" role="status" aria-label="Deployment" data-state={state}>
      <Group gap="sm">
        <Text fw={600} size="sm">
          {SHAPES[state]} {said}
        </Text>
        <Link to={stackPage(stack)}>See the stack</Link>
        {state !== 'done' && revision > 1 && (
          <Button
            size="compact-xs"
            variant="default"
            component={Route}
            href={stackPage(stack, `?tab=revisions&back=${revision - 1}`)}
          >
            Roll back to revision {revision - 1}
          </Button>
        )}
      </Group>
      {progress.map((each) => (
        <ServiceLine key={each.service.id} progress={each} />
      ))}
    </Stack>
  );
}

function ServiceLine({ progress: { service, state, text, tasks, failing } }: { progress: ServiceProgress }) {
  return (
    <div data-service={service.name} data-state={state}>
      <Group gap="xs">
        <span aria-hidden="true">{SHAPES[state]}</span>
        <Link to={`/services/${service.id}`}>{service.name}</Link>
        <Text size="sm">{text}</Text>
        <span className="tiles">
          {tasks.slice(0, MOST_SHOWN).map((task) => (
            <TaskTile key={task.id} task={task} />
          ))}
        </span>
        {tasks.length > MOST_SHOWN && <Text size="xs">and {tasks.length - MOST_SHOWN} more</Text>}
      </Group>
      {state !== 'done' && failing && <Failing task={failing} />}
    </div>
  );
}

function TaskTile({ task }: { task: TaskRow }) {
  const { id, name, state, nodeName } = task;
  const words = `${name}: ${state}${nodeName ? ` on ${nodeName}` : ''}`;
  return (
    <Anchor component={Route} href={`/tasks/${id}`} title={words} aria-label={words} td="none">
      <span className="sign" data-state={state}>
        <span data-tone={taskTone(task)}>{SHAPE[taskTone(task)]}</span>
      </span>
    </Anchor>
  );
}

function Failing({ task }: { task: TaskRow }) {
  const { name, id, error, exitCode, nodeName, container } = task;
  return (
    <Stack gap={2} pl="lg">
      <Text size="sm" c="red.9" className="problem">
        ▲ <Link to={`/tasks/${id}`}>{name}</Link>
        {nodeName && ` on ${nodeName}`}: {error ?? 'it has failed'}
        {exitCode !== undefined && exitCode !== 0 && ` (${exitText(exitCode)})`}
      </Text>
      {container !== undefined && <LastLines task={id} />}
    </Stack>
  );
}

/** What a task has written last. */
export function LastLines({ task }: { task: string }) {
  const { lines } = useLog(`logs?task=${task}&tail=${LINES}`);
  if (lines.length === 0) return null;
  return (
    <Code block aria-label="Its last lines" tabIndex={0}>
      {lines
        .slice(-LINES)
        .map(({ text }) => text)
        .join('\n')}
    </Code>
  );
}
