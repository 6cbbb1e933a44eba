/** A store written for clarity alone, and random transactions: the measure that drivers are held against. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Task } from '../model/objects.ts';
import { compareStates, TASK_STATES } from '../model/task-state.ts';
import {
  type Change,
  type Compare,
  KINDS,
  type Kind,
  type Kinds,
  type StoreEvent,
  type Transaction,
  type View,
} from './contract.ts';
import { sampleNetwork, sampleNode, sampleSecret, sampleService, sampleTask } from './samples.ts';

const NAMES = ['', 'Alpha', 'alpha', 'beta'];
const NODES = [undefined, '', 'n0', 'n1'];
const SERVICES = ['s0', 's1', 's2'];

interface Entry {
  kind: Kind;
  object: Kinds[Kind];
}

export class NaiveStore {
  revision: number;
  /** In order of creation. */
  entries: Entry[] = [];

  constructor(revision: number) {
    this.revision = revision;
  }

  find(kind: Kind, id: string): Kinds[Kind] | undefined {
    return this.entries.find((entry) => entry.kind === kind && entry.object.ID === id)?.object;
  }

  all<K extends Kind>(kind: K): Kinds[K][] {
    return this.entries.filter((entry) => entry.kind === kind).map((entry) => entry.object as Kinds[K]);
  }

  check(transaction: Transaction): 'conflict' | 'fine' {
    const compares: Compare[] = [...(transaction.require ?? []), ...transaction.changes.map(compareOf)];
    const holds = ({ kind, id, revision }: Compare) => (this.find(kind, id)?.Version.Index ?? 0) === revision;
    return compares.every(holds) ? 'fine' : 'conflict';
  }

  apply(transaction: Transaction, revision: number): StoreEvent[] {
    this.revision = revision;
    return transaction.changes.map((change) => {
      const { kind, id } = compareOf(change);
      const index = this.entries.findIndex((entry) => entry.kind === kind && entry.object.ID === id);
      const before = this.entries[index]?.object;
      if (change.op === 'delete') {
        this.entries.splice(index, 1);
        return { kind, id, before } as StoreEvent;
      }
      const after = { ...change.object, Version: { Index: revision } };
      if (before) this.entries[index] = { kind, object: after };
      else this.entries.push({ kind, object: after });
      return (before ? { kind, id, before, after } : { kind, id, after }) as StoreEvent;
    });
  }
}

const choice = fc.record({
  kind: fc.constantFrom<Kind>('task', 'task', 'task', 'node', 'service', 'network', 'secret'),
  id: fc.integer({ min: 0, max: 5 }),
  op: fc.constantFrom('put', 'put', 'put', 'delete'),
  /** Now and then from a revision that is not the present one. */
  stale: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
  name: fc.constantFrom(...NAMES),
  service: fc.constantFrom(...SERVICES),
  node: fc.constantFrom(...NODES),
  state: fc.constantFrom(...TASK_STATES),
  desired: fc.constantFrom(...TASK_STATES),
  iteration: fc.constantFrom(undefined, 0, 1),
  finished: fc.boolean(),
});
type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never;

export const indexSteps = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      choices: fc.uniqueArray(choice, { maxLength: 6, selector: ({ kind, id }) => `${kind}${id}` }),
      require: fc.option(choice, { nil: undefined, freq: 4 }),
    }),
  },
);

/** The transaction of a step, made from the model's present revisions except where the step wants a stale one. */
export function randomTransaction(
  model: NaiveStore,
  step: { choices: Choice[]; require?: Choice | undefined },
): Transaction {
  const changes = step.choices.flatMap((each) => changeOf(model, each) ?? []);
  if (!step.require) return { changes };
  const { kind, id, stale } = step.require;
  const present = model.find(kind, `${kind}${id}`)?.Version.Index ?? 0;
  return { changes, require: [{ kind, id: `${kind}${id}`, revision: stale ? present + 1 : present }] };
}

function changeOf(model: NaiveStore, choice: Choice): Change | undefined {
  const { kind, op, stale } = choice;
  const id = `${kind}${choice.id}`;
  const revision = (model.find(kind, id)?.Version.Index ?? 0) + (stale ? 1 : 0);
  if (op === 'delete') return revision === 0 ? undefined : { op: 'delete', kind, id, revision };
  const object = { ...objectOf(choice, id), Version: { Index: revision } };
  return { op: 'put', kind, object } as Change;
}

function objectOf(
  { kind, name, service, node, state, desired, iteration, finished }: Choice,
  id: string,
): Kinds[Kind] {
  switch (kind) {
    case 'node':
      return finished
        ? { ...sampleNode(id, name), ManagerStatus: { Reachability: 'reachable', Addr: '10.0.0.1:2377' } }
        : sampleNode(id, name);
    case 'network':
      return sampleNetwork(id, name);
    case 'secret':
      return sampleSecret(id, name);
    case 'task': {
      const task = sampleTask(id, sampleService(service), { DesiredState: desired });
      return {
        ...task,
        ...(node !== undefined && { NodeID: node }),
        ...(iteration !== undefined && { JobIteration: { Index: iteration } }),
        internal: { ...task.internal, ...(finished && { finished }) },
        Status: { ...task.Status, State: state },
      };
    }
    default:
      return sampleService(id, name);
  }
}

/** Everything that a view tells, to be compared. */
export function snapshot(view: View): unknown {
  return { revision: view.revision, objects: KINDS.map((kind) => [...view.all(kind)]) };
}

/** Holds every answer of the view against one computed from the model's list. */
export function assertSameView(view: View, model: NaiveStore): void {
  assert.equal(view.revision, model.revision);
  for (const kind of KINDS) {
    assert.deepEqual([...view.all(kind)], model.all(kind));
    assert.equal(view.count(kind), model.all(kind).length);
    for (const object of model.all(kind)) assert.deepEqual(view.get(kind, object.ID), object);
    assert.equal(view.get(kind, 'none'), undefined);
  }
  for (const name of NAMES) {
    for (const kind of ['service', 'network', 'secret'] as const) {
      const wanted = model
        .all(kind)
        .filter((each) => name && each.Spec.Name?.toLowerCase() === name.toLowerCase());
      assertSameSet(view.byName(kind, name), wanted);
    }
    const nodes = model
      .all('node')
      .filter((each) => name && each.Description?.Hostname.toLowerCase() === name.toLowerCase());
    assertSameSet(view.byName('node', name), nodes);
  }
  assertSameSet(
    view.managers(),
    model.all('node').filter(({ ManagerStatus }) => ManagerStatus),
  );
  const tasks = model.all('task');
  for (const id of SERVICES)
    assertService(
      view,
      id,
      tasks.filter((task) => task.ServiceID === id),
    );
  for (const id of ['n0', 'n1'])
    assertNode(
      view,
      id,
      tasks.filter((task) => task.NodeID === id),
    );
  assert.deepEqual([...view.unassigned()], tasks.filter(waits));
}

function assertService(view: View, id: string, tasks: Task[]): void {
  assertSameSet(view.tasksOfService(id), tasks);
  const counted = [...view.tallies(id)].flatMap(({ tasks: count, ...alike }) =>
    Array.from({ length: count }, () => alike),
  );
  const wanted = tasks.map(({ Status, DesiredState, JobIteration, internal }) => ({
    state: Status.State,
    desired: DesiredState,
    iteration: JobIteration?.Index,
    finished: internal.finished === true,
  }));
  const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  assert.deepEqual(counted.sort(byText), wanted.sort(byText));
}

function assertNode(view: View, id: string, tasks: Task[]): void {
  assertSameSet(view.tasksOfNode(id), tasks);
  const counted = tasks.filter((task) => compareStates(task.DesiredState, 'complete') <= 0);
  const services = SERVICES.map((service) => counted.filter((task) => task.ServiceID === service).length);
  assert.equal(view.usage(id).tasks, counted.length);
  assert.deepEqual(
    SERVICES.map((service) => view.usage(id).tasksByService.get(service) ?? 0),
    services,
  );
  assert.equal(view.usage(id).tasksByService.size, services.filter((count) => count > 0).length);
}

function waits(task: Task): boolean {
  return (
    !task.NodeID &&
    compareStates(task.DesiredState, 'complete') <= 0 &&
    compareStates(task.Status.State, 'pending') <= 0
  );
}

function assertSameSet(actual: Iterable<{ ID: string }>, expected: Array<{ ID: string }>): void {
  const byId = (a: { ID: string }, b: { ID: string }) => (a.ID < b.ID ? -1 : 1);
  assert.deepEqual([...actual].sort(byId), expected.toSorted(byId));
}

function compareOf(change: Change): Compare {
  return change.op === 'put'
    ? { kind: change.kind, id: change.object.ID, revision: change.object.Version.Index }
    : { kind: change.kind, id: change.id, revision: change.revision };
}
