/** What one agent has been told to do, and what it has to be told now. */
import { isDeepStrictEqual } from 'node:util';
import { registryAuth } from '../../control/registries.ts';
import { contentKey } from '../../model/contents.ts';
import type { Config, Secret, Task } from '../../model/objects.ts';
import type { AssignedTask, Assignments } from '../../model/protocol.ts';
import { atLeast, compareStates, isTerminal } from '../../model/task-state.ts';
import type { View } from '../../store/contract.ts';

/** tell: the agent has to hear of the task. release: only what the task uses may no longer be needed. */
export type Need = 'tell' | 'release';

/** What a change of a task means to the agent of its node. A change of observed status alone comes from there: nothing. */
export function needOf(before: Task | undefined, after: Task | undefined): Need | undefined {
  const had = before !== undefined && isAssigned(before);
  if (!after || !isAssigned(after)) return had ? 'tell' : undefined;
  if (!had || !sameOrder(before, after)) return 'tell';
  return isTerminal(after.Status.State) && !isTerminal(before.Status.State) ? 'release' : undefined;
}

export class AssignmentSet {
  readonly #nodeId: string;
  /** Whether the agent is not to know yet that a task has to stop. */
  readonly #isHeld: (taskId: string) => boolean;
  /** The tasks that the agent knows of, with the keys of the contents that each of them uses. */
  readonly #tasks = new Map<string, Uses>();
  readonly #secrets = new Counts();
  readonly #configs = new Counts();

  constructor(nodeId: string, isHeld: (taskId: string) => boolean = () => false) {
    this.#nodeId = nodeId;
    this.#isHeld = isHeld;
  }

  /** All there is for the node. To be called first, once. */
  full(view: View): Assignments {
    const needs = new Map<string, Need>();
    const gone = new Set<string>();
    for (const { ID, ServiceID } of view.tasksOfNode(this.#nodeId)) {
      needs.set(ID, 'tell');
      if (!view.get('service', ServiceID)) gone.add(ServiceID);
    }
    return { ...this.#take(view, needs), removedServices: [...gone], full: true };
  }

  /** What has changed; undefined: nothing that the agent has to hear of. `gone`: services that are no more. */
  changes(
    view: View,
    needs: ReadonlyMap<string, Need>,
    gone: Iterable<string> = [],
  ): Assignments | undefined {
    const taken = { ...this.#take(view, needs), removedServices: [...gone] };
    const { tasks, secrets, configs, removedTasks, removedServices, removedSecrets, removedConfigs } = taken;
    const removed = [removedTasks, removedServices, removedSecrets, removedConfigs];
    return [tasks, secrets, configs, ...removed].some((part) => part.length > 0) ? taken : undefined;
  }

  #take(view: View, needs: ReadonlyMap<string, Need>): Omit<Assignments, 'removedServices'> {
    const tasks: AssignedTask[] = [];
    const removedTasks: string[] = [];
    for (const [id, need] of needs) {
      const task = view.get('task', id);
      if (!task || task.NodeID !== this.#nodeId || !isAssigned(task)) {
        if (this.#forget(id)) removedTasks.push(id);
        continue;
      }
      this.#hold(id, usesOf(task));
      if (need === 'tell') tasks.push(assigned(view, this.#isHeld(id) ? stillRunning(task) : task));
    }
    const secrets = this.#secrets.taken();
    const configs = this.#configs.taken();
    return {
      full: false,
      tasks,
      removedTasks,
      secrets: secrets.added.flatMap((key) => withContent(view, 'secret', key) ?? []),
      configs: configs.added.flatMap((key) => withContent(view, 'config', key) ?? []),
      removedSecrets: secrets.removed,
      removedConfigs: configs.removed,
    };
  }

  #hold(id: string, uses: Uses): void {
    const before = this.#tasks.get(id) ?? NOTHING;
    this.#tasks.set(id, uses);
    this.#secrets.move(before.secrets, uses.secrets);
    this.#configs.move(before.configs, uses.configs);
  }

  #forget(id: string): boolean {
    if (!this.#tasks.has(id)) return false;
    this.#hold(id, NOTHING);
    return this.#tasks.delete(id);
  }
}

interface Uses {
  secrets: readonly string[];
  configs: readonly string[];
}

const NOTHING: Uses = { secrets: [], configs: [] };

function usesOf(task: Task): Uses {
  const container = task.Spec.ContainerSpec;
  if (!container || isTerminal(task.Status.State) || atLeast(task.DesiredState, 'shutdown')) return NOTHING;
  const key = (id: string | null | undefined) => (id ? contentKey(id, task.internal.contents?.[id]) : []);
  const secrets = (container.Secrets ?? []).flatMap((reference) => key(reference.SecretID));
  const configs = (container.Configs ?? []).flatMap((reference) => key(reference.ConfigID));
  return secrets.length + configs.length === 0 ? NOTHING : { secrets, configs };
}

/** The secret or config with the content that the key names; undefined if there is none such any more. */
function withContent<K extends 'secret' | 'config'>(
  view: View,
  kind: K,
  key: string,
): (K extends 'secret' ? Secret : Config) | undefined {
  const old = view.get('oldContent', key);
  const object: Secret | Config | undefined = view.get(kind, old?.of ?? key.replace(/\..*/, ''));
  if (!object) return undefined;
  if (!old) return contentKey(object.ID, object.internal.contentVersion) === key ? object : undefined;
  const { Data: _, Templating: __, ...spec } = object.Spec;
  const { Data, Templating, version } = old;
  const Spec = { ...spec, ...(Data !== undefined && { Data }), ...(Templating && { Templating }) };
  return { ...object, Spec, internal: { contentVersion: version } };
}

/** How many tasks use each thing. */
class Counts {
  readonly #counts = new Map<string, number>();
  /** The counts as they were when last taken, of each thing touched since. */
  readonly #before = new Map<string, number>();

  move(from: readonly string[], to: readonly string[]): void {
    for (const id of to) this.#add(id, 1);
    for (const id of from) this.#add(id, -1);
  }

  /** What has come into use, and what is no longer used, since this was last asked. */
  taken(): { added: string[]; removed: string[] } {
    const added: string[] = [];
    const removed: string[] = [];
    for (const [id, before] of this.#before) {
      const count = this.#counts.get(id) ?? 0;
      if (before === 0 && count > 0) added.push(id);
      if (before > 0 && count === 0) removed.push(id);
    }
    this.#before.clear();
    return { added, removed };
  }

  #add(id: string, by: number): void {
    const count = this.#counts.get(id) ?? 0;
    if (!this.#before.has(id)) this.#before.set(id, count);
    if (count + by === 0) this.#counts.delete(id);
    else this.#counts.set(id, count + by);
  }
}

/** As the agent is to see it until the others have taken note that it stops. */
function stillRunning(task: Task): Task {
  return { ...task, DesiredState: 'running' };
}

function assigned(view: View, task: Task): AssignedTask {
  const own = view.get('credential', task.ServiceID)?.auth;
  const auth = own ?? registryAuth(view, task.Spec.ContainerSpec?.Image ?? '');
  const { logDriver } = task.internal;
  return { task, ...(auth !== undefined && { auth }), ...(logDriver && { logDriver }) };
}

function isAssigned(task: Task): boolean {
  return task.NodeID !== undefined && compareStates(task.Status.State, 'assigned') >= 0;
}

/** True if nothing differs that an agent acts on. Objects share the parts that were not changed, so this is quick. */
function sameOrder(a: Task, b: Task): boolean {
  return (
    a.DesiredState === b.DesiredState &&
    same(a.Spec, b.Spec) &&
    same(a.Labels, b.Labels) &&
    same(a.NetworksAttachments, b.NetworksAttachments) &&
    same(a.AssignedGenericResources, b.AssignedGenericResources) &&
    same(a.internal.service, b.internal.service) &&
    same(a.internal.endpoint, b.internal.endpoint)
  );
}

function same(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b);
}
