/** What the cluster gives to services, tasks and nodes, around what the scheduler decides. */
import { timestamp } from '../../model/clock.ts';
import type { Service, Task } from '../../model/objects.ts';
import type { Change, View } from '../../store/contract.ts';
import type { AllocatorIndex, Work } from './index.ts';
import { AllocationPass } from './pass.ts';

/** A new task, ready to be placed. What it needs of networks it gets together with its node. */
export function toPending(task: Task, now: number): Task {
  return {
    ...task,
    Status: {
      ...task.Status,
      State: 'pending',
      Timestamp: timestamp(now),
      Message: 'pending task scheduling',
    },
  };
}

/** One round: `prepare` before tasks are placed, `attach` for each that was, `finish` at the end. */
export class Allocation {
  readonly #view: View;
  readonly #now: number;
  readonly #pass: AllocationPass;
  readonly #work: Work;
  readonly #nodes: Set<string>;

  constructor(view: View, index: AllocatorIndex, now: number) {
    this.#view = view;
    this.#now = now;
    this.#pass = new AllocationPass(view, index, now);
    this.#work = index.takeWork();
    this.#nodes = new Set(this.#work.nodes);
  }

  /** What it was to look at: to be put back if the changes are not carried out. */
  get work(): Work {
    return this.#work;
  }

  /** `planned`: services that are about to change anyway. */
  prepare(planned: ReadonlyMap<string, Service>): void {
    for (const id of this.#work.networks) this.#pass.network(id);
    for (const id of new Set([...this.#work.services, ...planned.keys()])) {
      this.#pass.service(id, planned.get(id));
    }
    for (const id of this.#work.attachments) this.#pass.attachment(id);
  }

  /** The task with its addresses, or as it was (`before`) with the reason why it has to wait. */
  attach(placed: Task, before: Task): Task {
    if (placed.NodeID === undefined || placed.Status.State !== 'assigned') return placed;
    const outcome = this.#pass.attach(placed);
    if (typeof outcome !== 'string') {
      if (outcome.NetworksAttachments) this.#nodes.add(placed.NodeID);
      return outcome;
    }
    if (before.Status.Err === outcome) return before;
    const at = timestamp(this.#now);
    return { ...before, UpdatedAt: at, Status: { ...before.Status, Timestamp: at, Err: outcome } };
  }

  /** The changes to be made before those of tasks; `others` are about to be made as well. */
  finish(others: readonly Change[]): Change[] {
    for (const id of this.#nodes) this.#pass.node(id);
    const services = new Map([...this.#pass.changedServices].map((service) => [service.ID, service]));
    const merged = others.map((change): Change => {
      const service = change.op === 'put' && change.kind === 'service' && services.get(change.object.ID);
      if (!service) return change;
      services.delete(service.ID);
      return { op: 'put', kind: 'service', object: service };
    });
    const put = (kind: 'network' | 'service' | 'node' | 'attachment') => (object: { ID: string }) =>
      ({ op: 'put', kind, object }) as Change;
    return [
      ...[...this.#pass.changedNetworks].map(put('network')),
      ...merged,
      ...[...services.values()].filter(({ ID }) => this.#view.get('service', ID)).map(put('service')),
      ...[...this.#pass.changedNodes].map(put('node')),
      ...[...this.#pass.changedAttachments].map(put('attachment')),
    ];
  }
}
