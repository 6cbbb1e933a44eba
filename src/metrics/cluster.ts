/** Figures of a cluster's state, read off the view. Pure. */
import type { View } from '../store/contract.ts';
import type { Family, Labels, Sample } from './figures.ts';

const TASK_STATES = [
  ...['new', 'pending', 'assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'],
  ...['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'],
];
const NODE_STATES = ['ready', 'unknown', 'down', 'disconnected'];

export function clusterFamilies(view: View): Family[] {
  const tasks = new Map(TASK_STATES.map((state) => [state, 0]));
  for (const { Status } of view.all('task')) tasks.set(Status.State, (tasks.get(Status.State) ?? 0) + 1);
  const nodes = new Map(NODE_STATES.map((state) => [state, 0]));
  let managers = 0;
  let reachable = 0;
  for (const { Status, ManagerStatus } of view.all('node')) {
    nodes.set(Status.State, (nodes.get(Status.State) ?? 0) + 1);
    if (!ManagerStatus) continue;
    managers++;
    if (ManagerStatus.Reachability === 'reachable') reachable++;
  }
  const gauge = (name: string, help: string, samples: Sample[]): Family => {
    return { name, help, type: 'gauge', samples };
  };
  return [
    gauge('essaim_tasks', 'Tasks that the cluster knows, by state.', by('state', tasks)),
    gauge('essaim_nodes', 'Nodes, by state.', by('state', nodes)),
    gauge('essaim_managers', 'Nodes that are managers.', [{ value: managers }]),
    gauge('essaim_managers_reachable', 'Managers that can be reached.', [{ value: reachable }]),
    gauge('essaim_services', 'Services.', [{ value: view.count('service') }]),
    gauge('essaim_networks', 'Networks of the cluster.', [{ value: view.count('network') }]),
    gauge('essaim_tasks_unassigned', 'Tasks that wait for a node.', [
      { value: [...view.unassigned()].length },
    ]),
    gauge('essaim_store_revision', "The store's revision that this manager knows.", [
      { value: view.revision },
    ]),
  ];
}

const by = (name: string, counts: ReadonlyMap<string, number>): Sample[] =>
  [...counts].map(([key, value]) => ({ labels: { [name]: key } as Labels, value }));
