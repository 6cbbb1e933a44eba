/** What a request in the audit is about, by its name: paths have ids, which say nothing once a thing is gone. */
import { findPlace, LEAST } from '../api/remote/reference.ts';
import type { Task } from '../model/objects.ts';
import type { View } from '../store/contract.ts';

const KINDS = {
  services: 'service',
  networks: 'network',
  secrets: 'secret',
  configs: 'config',
} as const;

/**
 * The name of what a path is about; undefined if it is about nothing that the cluster has. `made`: the id of what the
 * request has made, which its path does not have.
 */
export function aboutOf(view: View, path: string, made?: string): string | undefined {
  const steps = path.split('/').filter(Boolean);
  if (steps[0] === 'essaim') steps.shift();
  const [collection = '', id = '', inside, container] = steps;
  const reference = id === 'create' ? made : id;
  if (!reference) return undefined;
  if (collection in KINDS) {
    const kind = KINDS[collection as keyof typeof KINDS];
    return view.get(kind, reference)?.Spec.Name ?? undefined;
  }
  if (collection === 'containers') return containerName(view, reference);
  if (collection !== 'nodes') return undefined;
  if (inside === 'containers' && container) return containerName(view, container);
  return view.get('node', reference)?.Description?.Hostname;
}

/** As it is called everywhere else: `web.1`. */
function containerName(view: View, reference: string): string | undefined {
  try {
    const task = findPlace(view, reference, LEAST)?.task;
    return task && shortName(task);
  } catch {
    // The beginning of several ids.
    return undefined;
  }
}

function shortName({ internal, Slot, NodeID }: Task): string {
  return `${internal.service.Name}.${Slot || NodeID}`;
}
