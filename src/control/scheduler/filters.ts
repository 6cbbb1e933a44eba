/** What a node must have to take a task, in the order in which it is asked, each with what to say when none has it. */
import { type Constraint, meetsConstraints, parseConstraints } from '../../model/constraint.ts';
import type { Node, Task } from '../../model/objects.ts';
import type { Platform } from '../../model/spec.ts';
import type { View } from '../../store/contract.ts';
import { hostPorts, type NodeLoad } from './node-load.ts';

export interface Filter {
  name: string;
  check(node: Node, load: NodeLoad): boolean;
  explain(nodes: number): string;
  /** True if placing a task like this one can make a node fail it. */
  consumed?: boolean;
}

/** The filters that matter to tasks like this one. */
export function filtersFor(view: View, task: Task): Filter[] {
  return [
    ready,
    resources(task),
    plugins(view, task),
    constraints(task),
    platforms(task),
    ports(task),
    maxReplicas(task),
  ].filter((filter) => filter !== undefined);
}

function onNodes(text: string): (nodes: number) => string {
  return (nodes) => `${text} on ${nodes} node${nodes === 1 ? '' : 's'}`;
}

const ready: Filter = {
  name: 'ready',
  check: (node) => node.Status.State === 'ready' && (node.Spec.Availability || 'active') === 'active',
  explain: (nodes) => `${nodes} node${nodes === 1 ? '' : 's'} not available for new tasks`,
};

function resources(task: Task): Filter | undefined {
  const wanted = task.Spec.Resources?.Reservations;
  if (!wanted) return undefined;
  const { NanoCPUs, MemoryBytes } = wanted;
  const cpus = NanoCPUs ?? 0;
  const memory = MemoryBytes ?? 0;
  const generic = wanted.GenericResources ?? [];
  if (cpus === 0 && memory === 0 && generic.length === 0) return undefined;
  return {
    name: 'resources',
    consumed: true,
    check(node, load) {
      const has = node.Description?.Resources;
      if (cpus > (has?.NanoCPUs ?? 0) - load.nanoCPUs) return false;
      if (memory > (has?.MemoryBytes ?? 0) - load.memoryBytes) return false;
      return generic.length === 0 || load.genericLeft(node).choose(generic) !== undefined;
    },
    explain: onNodes('insufficient resources'),
  };
}

function plugins(view: View, task: Task): Filter | undefined {
  const needed: Array<{ type: string; name: string }> = [];
  for (const mount of task.Spec.ContainerSpec?.Mounts ?? []) {
    const name = mount.Type === 'volume' && mount.VolumeOptions?.DriverConfig?.Name;
    if (name) needed.push({ type: 'Volume', name });
  }
  for (const { Target } of task.Spec.Networks ?? []) {
    const network = Target ? (view.get('network', Target) ?? view.byName('network', Target)[0]) : undefined;
    if (network?.Spec.Driver) needed.push({ type: 'Network', name: network.Spec.Driver });
  }
  const log = (task.Spec.LogDriver ?? task.internal.logDriver)?.Name;
  if (!log && needed.length === 0) return undefined;
  return {
    name: 'plugins',
    check(node) {
      const installed = node.Description?.Engine.Plugins ?? [];
      const has = (type: string, name: string) =>
        installed.some(
          (plugin) => plugin.Type === type && (plugin.Name === name || plugin.Name === `${name}:latest`),
        );
      if (!needed.every(({ type, name }) => has(type, name))) return false;
      // Old engines list no log drivers at all; they are believed to have it.
      return !log || log === 'none' || has('Log', log) || !installed.some((plugin) => plugin.Type === 'Log');
    },
    explain: onNodes('missing plugin'),
  };
}

function constraints(task: Task): Filter | undefined {
  let parsed: Constraint[];
  try {
    parsed = parseConstraints(task.Spec.Placement?.Constraints);
  } catch {
    return undefined; // they were checked when the service was written; SwarmKit passes over others here
  }
  if (parsed.length === 0) return undefined;
  return {
    name: 'constraints',
    check: (node) => meetsConstraints(parsed, node),
    explain: onNodes('scheduling constraints not satisfied'),
  };
}

const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };

function platforms(task: Task): Filter | undefined {
  const wanted = task.Spec.Placement?.Platforms ?? [];
  if (wanted.length === 0) return undefined;
  const fits = (platform: Platform, has: Platform) =>
    (!platform.Architecture || architecture(platform) === architecture(has)) &&
    (!platform.OS || platform.OS === has.OS);
  return {
    name: 'platform',
    check(node) {
      const has = node.Description?.Platform;
      return has !== undefined && wanted.some((platform) => fits(platform, has));
    },
    explain: onNodes('unsupported platform'),
  };
}

function architecture(platform: Platform): string {
  const name = (platform.Architecture ?? '').toLowerCase();
  return ARCHITECTURES[name] ?? name;
}

function ports(task: Task): Filter | undefined {
  const wanted = hostPorts(task);
  if (wanted.length === 0) return undefined;
  return {
    name: 'host ports',
    consumed: true,
    check: (_, load) => !wanted.some((port) => load.ports.has(port)),
    explain: onNodes('host-mode port already in use'),
  };
}

function maxReplicas(task: Task): Filter | undefined {
  const most = task.Spec.Placement?.MaxReplicas ?? 0;
  if (most === 0) return undefined;
  return {
    name: 'max replicas',
    consumed: true,
    check: (_, load) => (load.byService.get(task.ServiceID) ?? 0) < most,
    explain: () => 'max replicas per node limit exceed',
  };
}

/** Counts for each filter the nodes that failed it first. */
export class Tally {
  private readonly filters: readonly Filter[];
  private readonly failures: number[];

  constructor(filters: readonly Filter[]) {
    this.filters = filters;
    this.failures = filters.map(() => 0);
  }

  /** True if the node passes all filters. */
  check(node: Node, load: NodeLoad): boolean {
    for (let index = 0; index < this.filters.length; index++) {
      if (this.filters[index]!.check(node, load)) continue;
      this.failures[index]!++;
      return false;
    }
    return true;
  }

  /** As `check`, of a node that has passed before and has got tasks like this one since. */
  checkAgain(node: Node, load: NodeLoad): boolean {
    for (let index = 0; index < this.filters.length; index++) {
      const filter = this.filters[index]!;
      if (!filter.consumed || filter.check(node, load)) continue;
      this.failures[index]!++;
      return false;
    }
    return true;
  }

  /** The reasons, those of most nodes first; empty if no node was asked. */
  explain(): string {
    return this.failures
      .map((nodes, index) => ({ nodes, filter: this.filters[index]! }))
      .filter(({ nodes }) => nodes > 0)
      .sort((a, b) => b.nodes - a.nodes)
      .map(({ nodes, filter }) => filter.explain(nodes))
      .join('; ');
  }
}
