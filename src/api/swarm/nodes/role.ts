/** Whether a node may become a manager, or a worker. */
import { rpcError } from '../../../model/errors.ts';
import type { Node } from '../../../model/objects.ts';
import type { View } from '../../../store/contract.ts';

/** @param leader the node that decides on it. @throws ApiError, with Docker's text where Docker has one */
export function checkRole(view: View, node: Node, to: string, leader: string): void {
  if (to === (node.Spec.Role ?? 'worker')) return;
  if (to === 'manager') checkPromotion(view, node, leader);
  else checkDemotion(view, node);
}

/** Several managers keep their state in etcd, which has to be on each of their hosts. */
function checkPromotion(view: View, node: Node, leader: string): void {
  for (const { ID, Description } of [node, view.get('node', leader)].flatMap((each) => each ?? [])) {
    if (Description?.Etcd) continue;
    const name = Description?.Hostname ?? ID;
    throw rpcError(
      'FailedPrecondition',
      `node ${name} has no etcd, which each of several managers needs: install it there (Debian and Ubuntu: "apt-get install etcd-server"), then try again within half a minute`,
    );
  }
}

function checkDemotion(view: View, node: Node): void {
  const managers = [...view.all('node')].filter(({ Spec }) => Spec.Role === 'manager');
  if (managers.length === 1)
    throw rpcError('FailedPrecondition', 'attempting to demote the last manager of the swarm');
  if (!node.ManagerStatus) return;
  const others = managers.filter(({ ID, ManagerStatus }) => ManagerStatus && ID !== node.ID);
  const reachable = others.filter(({ ManagerStatus }) => ManagerStatus?.Reachability === 'reachable');
  if (reachable.length < Math.floor(others.length / 2) + 1)
    throw rpcError(
      'FailedPrecondition',
      "can't remove member from the raft: this would result in a loss of quorum",
    );
}
