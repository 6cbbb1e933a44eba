/**
 * New content for a secret or config. The services that use it are written in the same transaction, each as if it had
 * been updated, and are then rolled to it; what it contained before is kept for as long as one of them may go back.
 */
import { timestamp } from '../../../model/clock.ts';
import { contentIds, contentKey, contentsOf } from '../../../model/contents.ts';
import type { Config, ContentVersions, OldContent, Secret, Service } from '../../../model/objects.ts';
import type { TaskSpec } from '../../../model/spec.ts';
import { isTerminal } from '../../../model/task-state.ts';
import type { Change, View } from '../../../store/contract.ts';
import { changedContents } from '../services/change.ts';
import { credentialChange, credentialFor } from '../services/credential.ts';

/** The object as it was and as it is to be; `at` is the time in milliseconds. */
export function contentChanges(
  view: View,
  before: Secret | Config,
  after: Secret | Config,
  at: number,
): Change[] {
  const { ID } = before;
  const version = after.internal.contentVersion ?? 0;
  const changes: Change[] = [];
  const now = timestamp(at);
  for (const service of view.all('service')) {
    const { contents } = service.internal;
    if (!uses(service.Spec.TaskTemplate, ID) || (contents?.[ID] ?? 0) === version) continue;
    const next = contentsOf(service.Spec.TaskTemplate, (id) => (id === ID ? version : (contents?.[id] ?? 0)));
    changes.push({ op: 'put', kind: 'service', object: changedContents(service, next, now, at) });
    const credential = credentialChange(view, service, credentialFor(view, service), now);
    if (credential) changes.push(credential);
  }
  if (version !== (before.internal.contentVersion ?? 0)) {
    const old = oldContent(view, before, now);
    if (old) changes.push({ op: 'put', kind: 'oldContent', object: old });
  }
  return changes;
}

/** Everything that is kept of what a secret or config contained before. */
export function forgetContents(view: View, id: string): Change[] {
  return [...view.all('oldContent')]
    .filter(({ of }) => of === id)
    .map(({ ID, Version }) => ({ op: 'delete', kind: 'oldContent', id: ID, revision: Version.Index }));
}

/** What the object contains now, for the services that have a use for it; undefined if there are none. */
function oldContent(
  view: View,
  { ID: of, Spec, internal }: Secret | Config,
  now: string,
): OldContent | undefined {
  const version = internal.contentVersion ?? 0;
  const stands = (spec: TaskSpec | null | undefined, contents: ContentVersions | undefined) =>
    (contents?.[of] ?? 0) === version && uses(spec, of);
  const services = new Set<string>();
  for (const { ID, Spec: spec, PreviousSpec, internal: own } of view.all('service') as Iterable<Service>) {
    if (stands(spec.TaskTemplate, own.contents) || stands(PreviousSpec?.TaskTemplate, own.previousContents)) {
      services.add(ID);
    }
  }
  for (const task of view.all('task')) {
    if (!isTerminal(task.Status.State) && stands(task.Spec, task.internal.contents))
      services.add(task.ServiceID);
  }
  if (services.size === 0) return undefined;
  return {
    ID: contentKey(of, version),
    Version: { Index: 0 },
    CreatedAt: now,
    UpdatedAt: now,
    of,
    version,
    ...(Spec.Data && { Data: Spec.Data }),
    ...(Spec.Templating && { Templating: Spec.Templating }),
    internal: { services: [...services] },
  };
}

function uses(spec: TaskSpec | null | undefined, id: string): boolean {
  return contentIds(spec).includes(id);
}
