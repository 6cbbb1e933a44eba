/**
 * Which objects have to be looked at after a commit. It only saves work: looking at everything is always right, and is
 * what a start does. So it has to name at least the objects whose plan may have changed.
 */

import { modeOf } from '../model/defaults.ts';
import { isEncrypted } from '../model/endpoint.ts';
import type { Node, Task } from '../model/objects.ts';
import { sameSpec } from '../model/same-spec.ts';
import { isTerminal } from '../model/task-state.ts';
import type { Commit, EventOf, View } from '../store/contract.ts';
import { isInvalid, isLive } from './slots.ts';

export class DirtySet {
  readonly services = new Set<string>();
  readonly nodes = new Set<string>();
  readonly oldContents = new Set<string>();
  readonly registrySessions = new Set<string>();
  /** The one cluster, as to the key of its encrypted networks. */
  readonly clusters = new Set<string>();

  everything(view: View): void {
    for (const service of view.all('service')) this.services.add(service.ID);
    for (const node of view.all('node')) this.nodes.add(node.ID);
    for (const content of view.all('oldContent')) this.oldContents.add(content.ID);
    for (const cluster of view.all('cluster')) this.clusters.add(cluster.ID);
    for (const session of view.all('registrySession')) this.registrySessions.add(session.ID);
    // Tasks may outlive their service and their node.
    for (const task of view.all('task')) {
      this.services.add(task.ServiceID);
      if (task.NodeID !== undefined) this.nodes.add(task.NodeID);
    }
    for (const attachment of view.all('attachment')) this.nodes.add(attachment.NodeID);
  }

  apply(view: View, commit: Commit): void {
    for (const event of commit.events) {
      if (event.kind === 'task') {
        if (concernsService(view, event)) this.addService(view, (event.after ?? event.before)!.ServiceID);
      } else if (event.kind === 'node') {
        this.applyNode(view, event);
        if (event.before?.Status.State !== event.after?.Status.State) this.addKeyed(view);
      } else if (event.kind === 'attachment') {
        // One may be made just as its node is removed.
        if (!event.before && !view.get('node', event.after!.NodeID)) this.nodes.add(event.after!.NodeID);
      } else if (event.kind === 'service') {
        this.addService(view, event.id);
      } else if (event.kind === 'oldContent' && event.after) {
        this.oldContents.add(event.id);
      } else if (event.kind === 'registrySession' && event.after) {
        this.registrySessions.add(event.id);
      } else if (event.kind === 'cluster') {
        this.clusters.add(event.id);
      } else if (event.kind === 'network' && isEncrypted((event.after ?? event.before)!.Spec)) {
        for (const cluster of view.all('cluster')) this.clusters.add(cluster.ID);
      }
    }
  }

  /** What becomes of a service and its tasks decides whether old content is still needed. */
  private addService(view: View, id: string): void {
    this.services.add(id);
    if (view.count('oldContent') === 0) return;
    for (const { ID, internal } of view.all('oldContent')) {
      if (internal.services.includes(id)) this.oldContents.add(ID);
    }
  }

  /** Which hosts hear decides whether a key may be replaced. */
  private addKeyed(view: View): void {
    for (const { ID, internal } of view.all('cluster')) if (internal.networkKey) this.clusters.add(ID);
  }

  private applyNode(view: View, { id, before, after }: EventOf<'node'>): void {
    const eligibility = describeEligibility(before) !== describeEligibility(after);
    // Agents describe their nodes anew every now and then, and mostly the same.
    if (
      !eligibility &&
      sameSpec(before?.Description, after?.Description) &&
      sameSpec(before?.Spec, after?.Spec)
    )
      return;
    this.nodes.add(id);
    for (const service of view.all('service')) {
      if (modeOf(service.Spec).kind.startsWith('global')) this.services.add(service.ID);
    }
    // Whether a task is lost, or still meets its service's placement.
    for (const task of view.tasksOfNode(id)) this.services.add(task.ServiceID);
  }
}

/** What of a node decides whether tasks may be there at all. */
function describeEligibility(node: Node | undefined): string {
  return node ? `${node.Status.State} ${node.Spec.Availability} ${node.Status.Addr}` : '';
}

/** Most of what tasks report on their way up changes no plan. */
function concernsService(view: View, { before, after }: EventOf<'task'>): boolean {
  if (!after) return before !== undefined && (isLive(before) || !isTerminal(before.Status.State));
  const node = after.NodeID;
  const placed = node !== undefined && node !== before?.NodeID;
  if (placed && isInvalid(view.get('node', node))) return true;
  if (!before) return isNotPlain(after);
  // More may be made where one that waited has got its place.
  if (placed) return true;
  if (before.DesiredState !== after.DesiredState && !isPromotion(before, after)) return true;
  if (before.Status.State === after.Status.State) return false;
  if (isTerminal(after.Status.State)) return true;
  return (
    after.Status.State === 'running' && view.get('service', after.ServiceID)?.internal.update !== undefined
  );
}

/** A task that has predecessors in its slot, or waits for something. */
function isNotPlain({ DesiredState, internal }: Task): boolean {
  return DesiredState !== 'running' || internal.restartCount !== undefined || internal.update !== undefined;
}

function isPromotion(before: Task, after: Task): boolean {
  return before.DesiredState === 'ready' && after.DesiredState === 'running';
}
