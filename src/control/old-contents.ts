/** Contents of secrets and configs that were replaced are kept while a task or a spec, the previous one too, needs them. */
import { contentIds } from '../model/contents.ts';
import type { ContentVersions, OldContent } from '../model/objects.ts';
import type { TaskSpec } from '../model/spec.ts';
import { isTerminal } from '../model/task-state.ts';
import type { View } from '../store/contract.ts';
import type { ObjectPlanner } from './contract.ts';

export const planOldContent: ObjectPlanner = (view, id) => {
  const content = view.get('oldContent', id);
  if (!content || isNeeded(view, content)) return { changes: [] };
  return { changes: [{ op: 'delete', kind: 'oldContent', id, revision: content.Version.Index }] };
};

function isNeeded(view: View, { of, version, internal }: OldContent): boolean {
  const stands = (spec: TaskSpec | null | undefined, contents: ContentVersions | undefined) =>
    (contents?.[of] ?? 0) === version && contentIds(spec).includes(of);
  return internal.services.some((id) => {
    const service = view.get('service', id);
    if (service) {
      const { contents, previousContents } = service.internal;
      if (stands(service.Spec.TaskTemplate, contents)) return true;
      if (stands(service.PreviousSpec?.TaskTemplate, previousContents)) return true;
    }
    for (const task of view.tasksOfService(id)) {
      if (!isTerminal(task.Status.State) && stands(task.Spec, task.internal.contents)) return true;
    }
    return false;
  });
}
