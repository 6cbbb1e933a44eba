/** What happens to the containers of this node's tasks, from the engine's events. */
import { EngineClient, type EngineEvent } from '../../engine/client.ts';
import { type Clock, pause } from '../../model/clock.ts';
import { messageOf } from '../../model/errors.ts';
import { LABEL } from './names.ts';

/** Everything is looked at this often even if no event says so. */
const LOOK_EVERY_MS = 45_000;
/** How often an engine is asked that did not answer. */
const RETRY_MS = 250;
/** How often one is asked that says nothing. */
const DOUBT_EVERY_MS = 5_000;
/** An engine that takes longer for an answer to nothing does not answer. */
const PATIENCE_MS = 5_000;

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

export interface WatchHooks {
  /** Something that may change a task; undefined: events may have been missed. */
  happened(event: ContainerEvent | undefined): void;
  /** Whether the engine takes new connections and answers. */
  answers(does: boolean): void;
}

/** Returns when aborted. */
export async function watchContainers(
  options: WatchOptions,
  { happened, answers }: WatchHooks,
): Promise<void> {
  const { engine, clock, nodeId, signal } = options;
  const filters = {
    type: ['container'],
    label: [`${LABEL.nodeId}=${nodeId}`],
    event: ['die', 'destroy', 'health_status', 'kill'],
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
      const doubts = new Doubts(options, answers);
      let follows = false;
      try {
        await engine.ping(signal);
        follows = true;
        answers(true);
        lookAgain();
        for await (const event of engine.events({ filters, since }, signal)) {
          if (event.Action === 'kill') doubts.rise();
          else happened(understood(event));
        }
      } catch (error) {
        if (follows) options.log(`the engine's events ended: ${messageOf(error)}`);
      } finally {
        doubts.end();
      }
      if (!(await answersAnew(engine, signal)) && !signal.aborted) answers(false);
      await pause(clock, RETRY_MS, signal);
    }
  } finally {
    cancel();
  }
}

/**
 * An engine that is about to end takes no new connections and then ends its containers, while it still answers, and
 * tells what happens, over the connections that it has. So whenever a container is sent a signal, whoever asked for that,
 * it has to answer over a new one; and so it has now and then, as one that hangs says nothing.
 */
class Doubts {
  readonly #options: WatchOptions;
  readonly #answers: WatchHooks['answers'];
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  #cancelTimer: () => void;
  #asking = false;

  constructor(options: WatchOptions, answers: WatchHooks['answers']) {
    this.#options = options;
    this.#answers = answers;
    this.#signal = AbortSignal.any([options.signal, this.#end.signal]);
    this.#cancelTimer = this.#later();
  }

  /** The engine's events have ended. */
  end(): void {
    this.#end.abort();
    this.#cancelTimer();
  }

  rise(): void {
    if (this.#asking) return;
    this.#asking = true;
    void this.#ask().finally(() => {
      this.#asking = false;
    });
  }

  #later(): () => void {
    return this.#options.clock.timer(DOUBT_EVERY_MS, () => {
      this.rise();
      this.#cancelTimer = this.#later();
    });
  }

  /** Until it does answer. */
  async #ask(): Promise<void> {
    const { engine, clock } = this.#options;
    while (!this.#signal.aborted) {
      const does = await answersAnew(engine, this.#signal);
      if (this.#signal.aborted) return;
      this.#answers(does);
      if (does) return;
      await pause(clock, RETRY_MS, this.#signal);
    }
  }
}

/** Whether the engine answers over a new connection. */
async function answersAnew(engine: EngineClient, signal: AbortSignal): Promise<boolean> {
  const stranger = new EngineClient({ name: engine.name, connect: () => engine.connect() });
  try {
    await stranger.ping(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]));
    return true;
  } catch {
    return false;
  } finally {
    stranger.close();
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
