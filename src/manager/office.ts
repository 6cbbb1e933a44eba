/** Who leads the cluster, where that is no question. */
import type { Office } from './contract.ts';

/** Of a cluster that has one manager: it leads for as long as it runs. */
export function soleOffice(nodeId: string): Office {
  return { leader: () => nodeId, isCurrent: () => true, watch: () => () => undefined };
}

/** An office that may become another one's while the same manager leads. */
export class PresentOffice implements Office {
  #office: Office;
  readonly #listeners = new Set<() => void>();
  #unwatch: () => void;

  constructor(office: Office) {
    this.#office = office;
    this.#unwatch = office.watch(this.#tell);
  }

  move(office: Office): void {
    this.#unwatch();
    const before = this.#office.leader();
    this.#office = office;
    this.#unwatch = office.watch(this.#tell);
    if (office.leader() !== before) this.#tell();
  }

  leader(): string | undefined {
    return this.#office.leader();
  }

  isCurrent(): boolean {
    return this.#office.isCurrent();
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  readonly #tell = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };
}
