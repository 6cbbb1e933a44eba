import type { ManagerAddress } from '../model/protocol.ts';
import type { View } from '../store/contract.ts';

/** All managers of the cluster and where they are, as agents are told. */
export function managersOf(view: View): ManagerAddress[] {
  return [...view.managers()].flatMap(({ ID, ManagerStatus }) =>
    ManagerStatus ? { NodeID: ID, Addr: ManagerStatus.Addr } : [],
  );
}

/** Whether the state is that of several managers, however many of them are left. */
export function isOfSeveral(view: View): boolean {
  return [...view.managers()].some(({ internal }) => internal.member !== undefined);
}
