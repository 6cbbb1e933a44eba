/** Plans as they are read. */
import type { PlanRow } from '../../../src/ui/protocol.ts';
import { counted } from './size.ts';

export function planText({ action, restarts }: PlanRow): string {
  switch (action) {
    case 'create':
      return '+ is made';
    case 'keep':
      return 'stays as it is';
    case 'remove':
      return '− goes';
    case 'update':
      return restarts > 0
        ? `~ is changed, ${counted(restarts, 'task')} restart`
        : '~ is changed, nothing restarts';
  }
}

/** The same of two that are only compared. */
export function differenceText({ action }: PlanRow): string {
  return { create: '+ is new', keep: 'is the same', remove: '− is gone', update: '~ differs' }[action];
}

const LONGEST = 80;

export function changeText({ field, before, after }: PlanRow['changes'][number]): string {
  if (before === undefined && after === undefined) return field;
  return `${field}: ${valueText(before)} → ${valueText(after)}`;
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** What a file is called in a stack: whatever name a compose file has elsewhere, here it has one. */
export function fileName(name: string): string {
  if (/^(docker-)?(compose|stack)([.-][\w.-]+)?\.ya?ml$/.test(name) || name === 'docker-stack.yml')
    return 'compose.yaml';
  return name === 'env' || name === '_env' ? '.env' : name;
}
