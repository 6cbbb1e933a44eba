/** Whether a node may become a manager, or a worker. */
import { rpcError } from '../../../model/errors.ts';
import type { Node } from '../../../model/objects.ts';
import { mayAdd, mayRemove, votersAmong } from '../../../model/quorum.ts';
import type { View } from '../../../store/contract.ts';

/** @param leader the node that decides on it. @throws ApiError, with Docker's text where Docker has one */
export function checkRole(view: View, node: Node, to: string, leader: string): void {
  if (to === (node.Spec.Role ?? 'worker')) return;
  if (to === 'manager') checkPromotion(view, node, leader);
  else checkDemotion(view, node);
}

/** Several managers keep their state in etcd, which has to be on each of their hosts. */
function checkPromotion(view: View, node: Node, leader: string): void {
  const voters = votersAmong(view.all('node'));
  if (!mayAdd(voters)) {
    const away = voters.filter(({ reachable }) => !reachable).map(({ id }) => nameOf(view.get('node', id)!));
    throw rpcError(
      'FailedPrecondition',
      `a further manager is taken in only while all of them can be reached, and ${away.join(', ')} cannot: bring it back, or demote it first ("docker node demote")`,
    );
  }
  for (const each of [node, view.get('node', leader)].flatMap((each) => each ?? [])) {
    if (each.Description?.Etcd) continue;
    throw rpcError(
      'FailedPrecondition',
      `node ${nameOf(each)} has no etcd, which each of several managers needs: install it there (Debian and Ubuntu: "apt-get install etcd-server"), then try again within half a minute`,
    );
  }
}

function checkDemotion(view: View, node: Node): void {
  const managers = [...view.all('node')].filter(({ Spec }) => Spec.Role === 'manager');
  if (managers.length === 1)
    throw rpcError('FailedPrecondition', 'attempting to demote the last manager of the swarm');
  if (node.ManagerStatus && !mayRemove(votersAmong(managers), node.ID))
    throw rpcError(
      'FailedPrecondition',
      "can't remove member from the raft: this would result in a loss of quorum",
    );
}

function nameOf({ ID, Description }: Node): string {
  return Description?.Hostname ?? ID;
}
