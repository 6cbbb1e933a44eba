/** Something that is done on several hosts at once: what has come of it, host by host, as it comes. */
import type { Host } from '../../fleet/contract.ts';
import { messageOf } from '../../model/errors.ts';
import type { HostOutcome } from '../protocol.ts';
import { nameOf } from './rows.ts';

/** How many hosts do it at a time. */
const AT_ONCE = 16;

/** Lines of JSON (HostOutcome). `work` says what has come of it; one that fails holds no other one up. */
export async function* everywhere(
  hosts: readonly Host[],
  work: (host: Host) => Promise<string>,
): AsyncGenerator<string> {
  const left = [...hosts];
  const running = new Map<string, Promise<HostOutcome>>();
  for (;;) {
    while (left.length > 0 && running.size < AT_ONCE) {
      const host = left.shift()!;
      running.set(host.key, outcomeOf(host, work));
    }
    if (running.size === 0) return;
    const outcome = await Promise.race(running.values());
    running.delete(outcome.node);
    yield `${JSON.stringify(outcome)}\n`;
  }
}

async function outcomeOf(host: Host, work: (host: Host) => Promise<string>): Promise<HostOutcome> {
  const about = { node: host.key, name: nameOf(host) };
  try {
    if (host.status !== 'Healthy')
      throw new Error(`its engine does not answer${host.problem ? `: ${host.problem}` : ''}`);
    return { ...about, ok: true, message: await work(host) };
  } catch (error) {
    return { ...about, ok: false, message: messageOf(error) };
  }
}
