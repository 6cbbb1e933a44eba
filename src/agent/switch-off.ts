/** What an agent does before its host is switched off. */
import { type Clock, pause } from '../model/clock.ts';
import { messageOf } from '../model/errors.ts';
import { isTerminal } from '../model/task-state.ts';
import type { ManagerSession, TaskEngine } from './contract.ts';
import type { TaskWorker } from './task-worker.ts';

/** How long (ms) a manager is waited for that can be told. */
const TELL_MS = 3_000;
/** How long (ms) the tasks may take to stop; the engine's own stop ends the others. */
const AWAY_MS = 30_000;

export interface LeavingHost {
  engine: Pick<TaskEngine, 'stop'>;
  clock: Clock;
  log(message: string): void;
  session(): ManagerSession | undefined;
  /** Aborted when the next session begins. */
  sessionCame(): AbortSignal;
  workers(): Iterable<TaskWorker>;
  /** The manager knows, or cannot be told: no other one has to be, and nothing is reported any more. */
  told(): void;
}

/**
 * Resolves when the host's tasks have stopped, or have had their time. For the manager they are not over: what becomes of
 * them is decided when the host is seen to be away, or has come back.
 */
export async function leaveInOrder(host: LeavingHost): Promise<void> {
  const patience = new AbortController();
  await Promise.race([stopAll(host), pause(host.clock, AWAY_MS, patience.signal)]);
  patience.abort();
}

async function stopAll(host: LeavingHost): Promise<void> {
  await sayAway(host);
  host.told();
  await Promise.all([...host.workers()].map((worker) => stopFor(worker, host)));
}

/** Tells the manager; if that one is lost just now, the next one. */
async function sayAway({ clock, log, session, sessionCame }: LeavingHost): Promise<void> {
  const until = clock.now() + TELL_MS;
  for (;;) {
    const came = sessionCame();
    const present = session();
    try {
      if (!present) throw new Error('there is no session with one');
      return await present.away();
    } catch (error) {
      const left = until - clock.now();
      if (left > 0) await pause(clock, left, came);
      else return log(`no manager took note that this host is shutting down: ${messageOf(error)}`);
    }
  }
}

async function stopFor(worker: TaskWorker, { engine, log }: LeavingHost): Promise<void> {
  worker.letGo();
  await worker.finished;
  if (isTerminal(worker.status.State)) return;
  await engine
    .stop(worker.assigned)
    .catch((error: unknown) => log(`a task was not stopped: ${messageOf(error)}`));
}
