/** What states mean: a word, a colour, a shape; never a colour alone. */
import type { ServiceRow, StackRow, TaskRow } from '../../../src/ui/protocol.ts';

export type Tone = 'good' | 'busy' | 'bad' | 'idle';

export const SHAPE: Record<Tone, string> = { good: '●', busy: '◐', bad: '▲', idle: '○' };

const BAD = new Set(['failed', 'rejected', 'orphaned']);
const OVER = new Set(['complete', 'shutdown', 'remove']);

export function taskTone({ state, desired, error }: Pick<TaskRow, 'state' | 'desired' | 'error'>): Tone {
  if (BAD.has(state)) return 'bad';
  if (OVER.has(state)) return 'idle';
  if (state === 'running') return desired === 'running' ? 'good' : 'busy';
  return error ? 'bad' : 'busy';
}

export function serviceTone({ running, wanted, completed, mode, problems, update }: ServiceRow): Tone {
  if (update?.state === 'paused' || update?.state === 'rollback_paused') return 'bad';
  const isThere = mode.endsWith('job') ? completed >= wanted : running === wanted;
  if (isThere && (update?.state === 'updating' || update?.state === 'rollback_started')) return 'busy';
  if (isThere) return wanted === 0 && !mode.endsWith('job') ? 'idle' : 'good';
  return problems.length > 0 ? 'bad' : 'busy';
}

/** What a service is doing, in a word or two. */
export function serviceWord(service: ServiceRow): string {
  const { update, running, wanted, completed, mode, problems } = service;
  switch (update?.state) {
    case 'updating':
      return 'updating';
    case 'paused':
      return 'update paused';
    case 'rollback_started':
      return 'rolling back';
    case 'rollback_paused':
      return 'roll-back paused';
  }
  if (mode.endsWith('job')) return completed >= wanted ? 'complete' : 'running';
  if (running === wanted) return wanted === 0 ? 'stopped' : 'running';
  if (running > wanted) return 'stopping';
  if (problems.length === 0) return 'starting';
  return running === 0 ? 'does not run' : 'not all there';
}

export function stackTone({ services, converged, problems, updating }: StackRow): Tone {
  if (updating > 0) return 'busy';
  if (services === converged) return 'good';
  return problems.length > 0 ? 'bad' : 'busy';
}

export function nodeTone({ state, availability }: { state: string; availability: string }): Tone {
  if (state === 'down') return 'bad';
  if (state !== 'ready') return 'busy';
  return availability === 'active' ? 'good' : 'idle';
}

const SIGNALS: Record<number, string> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

/** An exit code in words: `137: killed (SIGKILL), perhaps out of memory`. */
export function exitText(code: number): string {
  if (code === 0) return '0: ended by itself';
  if (code === 125) return '125: the engine could not start the container';
  if (code === 126) return '126: the command cannot be run (no permission, or no program)';
  if (code === 127) return '127: there is no such command in the image';
  if (code === 137) return '137: killed (SIGKILL), perhaps out of memory';
  if (code === 143) return '143: told to stop (SIGTERM)';
  const signal = SIGNALS[code - 128];
  return signal ? `${code}: ended by a signal (${signal})` : `${code}: an error of the program itself`;
}
