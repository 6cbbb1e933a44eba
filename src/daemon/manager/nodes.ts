/**
 * What is on all nodes, as a manager knows it: followed from the first who asks for it on (the swarm as one engine, the web
 * interface), and shared by them.
 */
import type { ManagerFace, Membership } from '../../api/contract.ts';
import type { NodesFleet } from '../../fleet/nodes.ts';
import type { Log } from '../process/log.ts';

export class NodesOfManager {
  readonly #membership: Membership;
  readonly #log: Log;
  #current: { face: ManagerFace; nodes: Promise<NodesFleet> } | undefined;

  constructor({ membership, log }: { membership: Membership; log: Log }) {
    this.#membership = membership;
    this.#log = log;
    membership.watch(() => {
      if (this.#current && this.#current.face !== membership.manager()) void this.close();
    });
  }

  /** Undefined on a host that is no manager, or where it is another manager by now. */
  async of(face: ManagerFace): Promise<NodesFleet | undefined> {
    if (this.#membership.manager() !== face) return undefined;
    if (this.#current?.face !== face) {
      void this.close();
      this.#current = { face, nodes: this.#open(face) };
    }
    return this.#current!.nodes;
  }

  async close(): Promise<void> {
    const left = this.#current;
    this.#current = undefined;
    const nodes = await left?.nodes.catch(() => undefined);
    await nodes?.close();
  }

  async #open({ store, apiOf }: ManagerFace): Promise<NodesFleet> {
    // What only a manager needs, and few ask for, is loaded when it is asked for.
    const [{ NodesFleet }, { isRescheduled }] = await Promise.all([
      import('../../fleet/nodes.ts'),
      import('../../classic/rules/container-config.ts'),
    ]);
    return new NodesFleet({
      nodes: () => [...store.view.all('node')],
      watch: (listener) =>
        store.watch(store.view.revision, ({ events }) => {
          if (events.some(({ kind }) => kind === 'node')) listener();
        }),
      apiOf: (id) => apiOf!(id),
      keeps: isRescheduled,
      log: this.#log,
    });
  }
}
