import type { Node } from '../../model/objects.ts';

/** Nodes by their number of tasks, the emptiest first. */
export class NodeOrder {
  private readonly byTasks: Array<Map<string, Node>> = [];

  constructor(nodes: Iterable<Node>, tasksOf: (node: Node) => number) {
    for (const node of nodes) this.at(tasksOf(node)).set(node.ID, node);
  }

  move(node: Node, from: number, to: number): void {
    this.at(from).delete(node.ID);
    this.at(to).set(node.ID, node);
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    for (const nodes of this.byTasks) {
      if (nodes) yield* nodes.values();
    }
  }

  private at(tasks: number): Map<string, Node> {
    this.byTasks[tasks] ??= new Map();
    return this.byTasks[tasks];
  }
}
