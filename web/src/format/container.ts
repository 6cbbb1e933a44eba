/** Containers in words and colours. */
import type { ContainerRow } from '../../../src/ui/protocol.ts';
import type { Tone } from './state.ts';

export function containerTone({
  state,
  health,
  exitCode,
}: Pick<ContainerRow, 'state' | 'health' | 'exitCode'>): Tone {
  if (state === 'dead' || health === 'unhealthy') return 'bad';
  if (state === 'running') return health === 'starting' ? 'busy' : 'good';
  if (state === 'restarting' || state === 'removing') return 'busy';
  return state === 'exited' && exitCode ? 'bad' : 'idle';
}

/** `running, unhealthy`; `exited (3)`. */
export function containerWord({
  state,
  health,
  exitCode,
}: Pick<ContainerRow, 'state' | 'health' | 'exitCode'>): string {
  if (state === 'running' && health && health !== 'healthy') return `running, ${health}`;
  return state === 'exited' ? `exited (${exitCode ?? 0})` : state;
}

/** What can be done with it as it is. */
export function actionsOf({ state }: Pick<ContainerRow, 'state'>): string[] {
  switch (state) {
    case 'running':
      return ['stop', 'restart', 'kill', 'pause'];
    case 'restarting':
      return ['stop', 'kill'];
    case 'paused':
      return ['unpause', 'kill'];
    case 'unknown':
    case 'removing':
      return [];
    default:
      return ['start'];
  }
}

/** What has come of something, with the bytes in it in people’s units. */
export function outcomeText(message: string, bytes: (count: number) => string): string {
  return message.replace(/(\d+) bytes/, (_, count: string) => bytes(Number(count)));
}
