/**
 * The daemon's place among the processes of its host. While containers start, the engine takes all the processor there is:
 * the daemon needs little, and whoever waits for it (clients, its manager, the balancers of all hosts) should not wait for
 * the containers as well.
 */
import { constants, setPriority } from 'node:os';

/** To be called before threads and other programs are started: they inherit it. Nothing happens where that is not allowed. */
export function comeFirst(): void {
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_SYSTEM_ERROR' && code !== 'EACCES' && code !== 'EPERM') throw error;
  }
}
