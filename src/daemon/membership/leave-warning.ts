/** What a manager is told that is about to leave without --force, in Docker's words. */
import type { View } from '../../store/contract.ts';

export function leaveWarning(view: View): string {
  const managers = [...view.managers()];
  const reachable = managers.filter(
    ({ ManagerStatus }) => ManagerStatus?.Reachability === 'reachable',
  ).length;
  const unreachable = managers.length - reachable;
  const parts = [
    'You are attempting to leave the swarm on a node that is participating as a manager.',
    'The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`.',
    'Use `--force` to suppress this message.',
  ];
  if (reachable - 2 > unreachable) return parts.join(' ');
  if (managers.length <= 1)
    return `${parts[0]} Removing the last manager erases all current state of the swarm. Use \`--force\` to ignore this message. `;
  const left = `Removing this node leaves ${reachable - 1} managers out of ${managers.length}. Without a Raft quorum your swarm will be inaccessible.`;
  return [parts[0], left, ...parts.slice(1)].join(' ');
}
