/** A running etcd: one that this daemon has started, or one that an earlier daemon has. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA, SOCKET } from './flags.ts';
import { beginLog } from './log-file.ts';
import { endProcess, type FoundProcess, findProcesses, hasEnded, LONG_PAUSE } from './processes.ts';
import { LOG } from './record.ts';

/** By which a process in a member's folder is known to be its etcd. */
const MARK = `--data-dir=${DATA}`;
/** How long (ms) etcd may take to end in order: it hands the lead on and closes its files. */
const STOP_PATIENCE = 10_000;

/** How it came to its end: undefined what only its parent is told. */
export interface Exit {
  code?: number | null | undefined;
  signal?: string | null | undefined;
  failure?: Error | undefined;
}

export interface Child {
  readonly exit: Promise<Exit>;
  /** Ends it, by force if it has to be. */
  stop(): Promise<void>;
  /** Does not look at it any more; it goes on. */
  release(): void;
}

export function runningIn(folder: string): Promise<FoundProcess[]> {
  return findProcesses(folder, MARK);
}

/** Ends whatever etcd runs in that folder. */
export async function endAll(folder: string): Promise<void> {
  for (const { pid } of await runningIn(folder)) await endProcess(pid, folder, MARK, STOP_PATIENCE);
}

/** Starts etcd in its folder, in a group of processes of its own: it outlives this one. */
export async function spawnChild(program: string, folder: string, flags: readonly string[]): Promise<Child> {
  // One that was killed leaves its socket, and the next one minds.
  await rm(join(folder, SOCKET), { force: true });
  const log = await beginLog(join(folder, LOG));
  let child: ChildProcess;
  try {
    child = spawn(program, flags, {
      cwd: folder,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: environment(),
    });
  } finally {
    await log.close();
  }
  child.unref();
  const { pid } = child;
  if (pid === undefined) {
    const [failure] = (await once(child, 'error')) as [Error];
    return { exit: Promise.resolve({ failure }), stop: async () => {}, release: () => {} };
  }
  return {
    exit: once(child, 'exit').then(([code, signal]) => ({ code, signal })),
    stop: () => endProcess(pid, folder, MARK, STOP_PATIENCE),
    release: () => child.removeAllListeners(),
  };
}

/** An etcd that runs already. Its end is noticed within a moment, its exit status is not known. */
export function adoptChild(pid: number, folder: string): Child {
  const watching = new AbortController();
  const exit = Promise.withResolvers<Exit>();
  hasEnded(pid, folder, MARK, Number.POSITIVE_INFINITY, { pause: LONG_PAUSE, signal: watching.signal }).then(
    (ended) => {
      if (ended) exit.resolve({});
    },
    exit.reject,
  );
  return {
    exit: exit.promise,
    stop: () => endProcess(pid, folder, MARK, STOP_PATIENCE),
    release: () => watching.abort(),
  };
}

/** etcd takes settings from the environment, too, which are not ours. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, ETCD_UNSUPPORTED_ARCH } = process.env;
  return { PATH, ...(ETCD_UNSUPPORTED_ARCH === undefined ? {} : { ETCD_UNSUPPORTED_ARCH }) };
}
