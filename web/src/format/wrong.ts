/** What is wrong in the cluster now, worst first. */
import type { NodeRow, ServiceRow } from '../../../src/ui/protocol.ts';
import { serviceTone, serviceWord } from './state.ts';

export interface Wrong {
  /** Where to look. */
  to: string;
  what: string;
  why: string;
  weight: number;
}

const MOST = 10;

/** At most ten lines. */
export function whatIsWrong(services: readonly ServiceRow[], nodes: readonly NodeRow[]): Wrong[] {
  const found: Wrong[] = [];
  for (const { id, name, state, message, availability, memory, reservedMemory } of nodes) {
    const to = `/nodes/${id}`;
    if (state === 'down')
      found.push({ to, what: `${name} is down`, why: message || 'its tasks run elsewhere', weight: 100 });
    else if (state !== 'ready')
      found.push({ to, what: `${name} is ${state}`, why: message ?? '', weight: 80 });
    else if (availability === 'active' && memory > 0 && reservedMemory > 0.95 * memory)
      found.push({
        to,
        what: `${name} is full`,
        why: 'more than 95 % of its memory is reserved',
        weight: 20,
      });
  }
  for (const service of services) {
    const to = `/services/${service.id}`;
    const { name, running, wanted, update, problems } = service;
    if (update?.state === 'paused' || update?.state === 'rollback_paused')
      found.push({ to, what: `${name}: ${serviceWord(service)}`, why: update.message, weight: 70 });
    else if (serviceTone(service) === 'bad')
      found.push({
        to,
        what: `${name} runs ${running} of ${wanted}`,
        why: problems[0] ?? '',
        weight: running === 0 ? 90 : 60,
      });
  }
  return found.sort((a, b) => b.weight - a.weight).slice(0, MOST);
}
