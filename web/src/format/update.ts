/** What an update of a service is doing: how far it is, and what came after what. */
import type { Rollout, ServiceRow, TaskRow } from '../../../src/ui/protocol.ts';
import { counted } from './size.ts';
import type { Tone } from './state.ts';

export interface UpdateStep {
  at: string;
  tone: Tone;
  text: string;
  /** A task’s page. */
  task?: string;
}

export interface UpdateView {
  /** Whether something is being replaced now. */
  isUnderWay: boolean;
  title: string;
  /** By which rules: `2 at a time, 10 s apart; paused when one fails`. */
  rules: string;
  /** Places that have what they should. */
  replaced: number;
  total: number;
  failures: number;
  /** What it is doing at this moment, place by place. */
  now: string[];
  /** Newest first. */
  steps: UpdateStep[];
}

const ENDED = new Set(['complete', 'failed', 'rejected', 'shutdown', 'orphaned', 'remove']);
const TITLES: Record<string, string> = {
  updating: 'An update is under way',
  paused: 'The update has stopped',
  completed: 'The last update is done',
  rollback_started: 'It is being rolled back',
  rollback_paused: 'The roll-back has stopped',
  rollback_completed: 'It was rolled back',
};
/** As an update begins tasks are made a moment before it says so, ms. */
const BEFORE = 2_000;

/** Undefined if there never was an update. */
export function updateView(service: ServiceRow, tasks: readonly TaskRow[]): UpdateView | undefined {
  const { update } = service;
  if (!update) return undefined;
  const began = update.started ? Date.parse(update.started) - BEFORE : 0;
  const isLive = (task: TaskRow): boolean => !ENDED.has(task.state);
  const current = tasks.filter((task) => !task.old && isLive(task));
  const replaced = current.filter(({ state }) => state === 'running').length;
  const left = tasks.filter((task) => task.old && isLive(task)).length;
  const recent = tasks.filter(({ created }) => Date.parse(created) >= began);
  const isUnderWay = update.state === 'updating' || update.state === 'rollback_started';
  const steps = [...recent.flatMap(madeSteps), ...tasks.flatMap((task) => endStep(task, began))];
  if (update.started) steps.push({ at: update.started, tone: 'idle', text: 'It began.' });
  if (!isUnderWay)
    steps.push({
      at: steps.reduce((last, { at }) => (at > last ? at : last), update.started ?? ''),
      tone: update.state === 'completed' || update.state === 'rollback_completed' ? 'good' : 'bad',
      text: update.message,
    });
  return {
    isUnderWay,
    title: TITLES[update.state] ?? update.state,
    rules: rulesText(update.rules),
    replaced,
    total: Math.max(service.wanted, replaced + left),
    failures: recent.filter(({ state }) => state === 'failed' || state === 'rejected').length,
    now: isUnderWay ? nowTexts(current, left) : [],
    steps: steps
      .map((step, index) => ({ step, index }))
      .sort((a, b) => compare(b.step.at, a.step.at) || b.index - a.index)
      .map(({ step }) => step),
  };
}

function compare(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

function madeSteps({ id, name, created, state, at, nodeName, old }: TaskRow): UpdateStep[] {
  const where = nodeName ? ` on ${nodeName}` : '';
  const made: UpdateStep = {
    ...{ at: created, task: id, tone: 'busy' },
    text: `${name}: ${old ? 'a task of what was tried' : 'a new task'} is made`,
  };
  if (ENDED.has(state)) return [made];
  return [
    made,
    { at, task: id, tone: state === 'running' ? 'good' : 'busy', text: `${name}: ${state}${where}` },
  ];
}

function endStep(task: TaskRow, began: number): UpdateStep[] {
  const { id, name, state, at, error, nodeName } = task;
  if (!ENDED.has(state) || Date.parse(at) < began) return [];
  const isBad = state === 'failed' || state === 'rejected';
  const where = nodeName ? ` on ${nodeName}` : '';
  const why = error ? `: ${error}` : '';
  return [
    {
      ...{ at, task: id, tone: isBad ? 'bad' : 'idle' },
      text: isBad ? `${name} has failed${where}${why}` : `${name}: the one before it has ended${where}`,
    },
  ];
}

function nowTexts(current: readonly TaskRow[], left: number): string[] {
  const busy = current.filter(({ state }) => state !== 'running');
  const texts = busy.map(
    ({ name, state, nodeName, error }) =>
      `${name}: ${state}${nodeName ? ` on ${nodeName}` : ''}${error ? `, ${error}` : ''}`,
  );
  if (left > 0) texts.push(`${counted(left, 'task')} still to be replaced`);
  if (busy.length === 0 && left === 0) texts.push('All are new; it is watched whether they stay.');
  return texts;
}

/** By which rules tasks are replaced. */
export function rulesText({ parallelism, order, delay, failureAction }: Rollout['rules']): string {
  const pace = parallelism === 0 ? 'all at once' : `${parallelism} at a time`;
  const pause = delay > 0 ? `, ${secondsText(delay)} apart` : '';
  const way = order === 'start-first' ? ', the new one before the old one stops' : '';
  const fault = {
    pause: 'stops when one fails',
    continue: 'goes on when one fails',
    rollback: 'rolls back when one fails',
  }[failureAction];
  return `${pace}${pause}${way}; ${fault ?? failureAction}`;
}

/** What a change does to the tasks of a service: `6 tasks restart: 1 at a time, 10 s apart; …`. */
export function rolloutText({ running, rules }: Pick<Rollout, 'running' | 'rules'>): string {
  if (running === 0) return 'none of its tasks runs';
  return `${counted(running, 'task')} ${running === 1 ? 'restarts' : 'restart'}: ${rulesText(rules)}`;
}

function secondsText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}
