/**
 * The order in which nodes get tasks of one service: evenly over the groups that its placement preferences make, and
 * within the last of these to the node with the fewest tasks of the service, then with the fewest tasks.
 */
import type { Node } from '../../model/objects.ts';
import type { Placement } from '../../model/spec.ts';
import { Heap } from '../heap.ts';

/** A node on which a service version has failed so often of late comes after all that have not. */
const MANY_FAILURES = 5;

/** True if no node can come before this one but for having fewer tasks in all. */
export function isUnburdened({ failures, serviceTasks }: Candidate): boolean {
  return failures < MANY_FAILURES && serviceTasks === 0;
}

export interface Candidate {
  node: Node;
  failures: number;
  serviceTasks: number;
  tasks: number;
}

interface Vertex {
  tasks: number;
  children?: Heap<Vertex>;
  nodes?: Heap<Candidate>;
}

interface Growing {
  tasks: number;
  candidates: Candidate[];
  children: Map<string, Growing>;
}

export class Spread {
  private readonly root: Vertex;

  /** `passed`: nodes that can take a task; `others` only weigh on the groups that they are in. */
  constructor(
    passed: readonly Candidate[],
    others: readonly Candidate[],
    preferences: Placement['Preferences'] = [],
  ) {
    const labels = (preferences ?? []).map(labelOf).filter((label) => label !== undefined);
    const root: Growing = { tasks: 0, candidates: [], children: new Map() };
    for (const candidate of passed) grow(root, candidate, labels).candidates.push(candidate);
    if (labels.length > 0) for (const candidate of others) grow(root, candidate, labels);
    this.root = settle(root);
  }

  /** The node whose turn it is. */
  next(): Candidate | undefined {
    let vertex: Vertex | undefined = this.root;
    while (vertex?.children) vertex = vertex.children.peek();
    return vertex?.nodes?.peek();
  }

  /** The node whose turn it was has got a task; `again`: it can take another. */
  placed(again: boolean): void {
    const path: Vertex[] = [this.root];
    for (let at = this.root; at.children; ) {
      at = at.children.peek()!;
      path.push(at);
    }
    const leaf = path.at(-1)!;
    const candidate = leaf.nodes!.peek()!;
    candidate.serviceTasks++;
    candidate.tasks++;
    if (again) leaf.nodes!.settle();
    else leaf.nodes!.pop();
    for (let index = path.length - 1; index >= 0; index--) {
      const vertex = path[index]!;
      vertex.tasks++;
      if (index === 0) continue;
      const siblings = path[index - 1]!.children!;
      if ((vertex.nodes ?? vertex.children)!.size === 0) siblings.pop();
      else siblings.settle();
    }
  }
}

type Label = (node: Node) => string;

function labelOf(preference: NonNullable<Placement['Preferences']>[number]): Label | undefined {
  const descriptor = preference.Spread?.SpreadDescriptor ?? '';
  const match = /^(node|engine)\.labels\.(.+)$/i.exec(descriptor);
  if (!match) return undefined;
  const [, of, name] = match;
  return of!.toLowerCase() === 'node'
    ? (node) => node.Spec.Labels?.[name!] ?? ''
    : (node) => node.Description?.Engine.Labels?.[name!] ?? '';
}

function grow(root: Growing, candidate: Candidate, labels: readonly Label[]): Growing {
  let at = root;
  at.tasks += candidate.serviceTasks;
  for (const label of labels) {
    const value = label(candidate.node);
    let child = at.children.get(value);
    if (!child) {
      child = { tasks: 0, candidates: [], children: new Map() };
      at.children.set(value, child);
    }
    child.tasks += candidate.serviceTasks;
    at = child;
  }
  return at;
}

function settle(growing: Growing): Vertex {
  if (growing.children.size === 0) {
    return { tasks: growing.tasks, nodes: new Heap(growing.candidates, isBefore) };
  }
  const children = [...growing.children.values()]
    .map(settle)
    .filter((child) => (child.nodes ?? child.children)!.size > 0);
  return { tasks: growing.tasks, children: new Heap(children, (a, b) => a.tasks < b.tasks) };
}

/** True if `a` is to get a task before `b`. */
function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.failures !== b.failures && (a.failures >= MANY_FAILURES || b.failures >= MANY_FAILURES)) {
    return a.failures < b.failures;
  }
  return a.serviceTasks !== b.serviceTasks ? a.serviceTasks < b.serviceTasks : a.tasks < b.tasks;
}
