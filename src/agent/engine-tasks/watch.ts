/** What happens to the containers of this node's tasks, from the engine's events. */
import type { EngineClient, EngineEvent } from '../../engine/client.ts';
import type { Clock } from '../../model/clock.ts';
import { Backoff } from '../backoff.ts';
import { LABEL } from './names.ts';

/** Everything is looked at this often even if no event says so. */
const LOOK_EVERY_MS = 45_000;

export interface ContainerEvent {
  action: string;
  taskId: string;
  containerId: string;
  /** Of `die`. */
  exitCode: number;
}

export interface WatchOptions {
  engine: EngineClient;
  clock: Clock;
  nodeId: string;
  signal: AbortSignal;
  log(message: string): void;
}

/**
 * Calls `happened` with each event that may change a task, and with undefined when events may have been missed.
 * Returns when aborted.
 */
export async function watchContainers(
  options: WatchOptions,
  happened: (event: ContainerEvent | undefined) => void,
): Promise<void> {
  const { engine, clock, nodeId, signal } = options;
  const backoff = new Backoff(clock, Math.random);
  const filters = {
    type: ['container'],
    label: [`${LABEL.nodeId}=${nodeId}`],
    event: ['die', 'destroy', 'health_status'],
  };
  let cancel = (): void => {};
  const lookAgain = (): void => {
    happened(undefined);
    cancel = clock.timer(LOOK_EVERY_MS, lookAgain);
  };
  try {
    while (!signal.aborted) {
      // Whatever happened before the stream begins shows in the list that is read now; events of the last second come
      // again, because the list may be read before the stream is open.
      const since = clock.now() / 1000 - 1;
      cancel();
      lookAgain();
      try {
        for await (const event of engine.events({ filters, since }, signal)) {
          backoff.reset();
          happened(understood(event));
        }
      } catch (error) {
        options.log(`the engine's events ended: ${error instanceof Error ? error.message : error}`);
      }
      await backoff.wait(signal);
    }
  } finally {
    cancel();
  }
}

function understood(event: EngineEvent): ContainerEvent {
  const { ID, Attributes = {} } = event.Actor;
  return {
    action: event.Action,
    taskId: Attributes[LABEL.taskId] ?? '',
    containerId: ID,
    exitCode: Number(Attributes.exitCode ?? 0),
  };
}
