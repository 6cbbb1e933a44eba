/** What there is of a stack, as plans are made against. */
import { stackOf } from '../../access/stack.ts';
import { canonicalService } from '../../api/swarm/services/spec/service.ts';
import type { Live } from '../../compose/plan.ts';
import type { StackRevision } from '../../model/accounts.ts';
import type { View } from '../../store/contract.ts';

export function liveStack(stack: string, view: View): Live {
  return {
    networks: [...view.all('network')],
    secrets: [...view.all('secret')],
    configs: [...view.all('config')],
    services: [...view.all('service')].filter(({ Spec }) => stackOf(Spec) === stack),
    running(service) {
      let count = 0;
      for (const { state, desired, tasks } of view.tallies(service.ID))
        if (state === 'running' && desired === 'running') count += tasks;
      return count;
    },
    kept: canonicalService,
    networkId: (name) => view.byName('network', name).find(({ Spec }) => Spec.Name === name)?.ID,
  };
}

/** Oldest first. */
export function revisionsOf(stack: string, view: View): StackRevision[] {
  return [...view.all('stackRevision')]
    .filter((each) => each.stack === stack)
    .sort((a, b) => a.number - b.number);
}
