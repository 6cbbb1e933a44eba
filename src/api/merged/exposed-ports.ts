/** The ports that containers expose, which the engine's list leaves out for those on overlays. They never change. */
import type { EngineClient } from '../../engine/client.ts';
import { ApiError } from '../../model/errors.ts';

/** So many containers are remembered. */
const REMEMBERED = 2_000;
/** An engine that is busy with a container says nothing of it meanwhile: a list waits so long (ms) for it, once. */
const PATIENCE = 1_000;

export class ExposedPorts {
  readonly #engine: EngineClient;
  readonly #known = new Map<string, Promise<readonly string[]>>();

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /** "80/tcp", "53/udp"; none if the container is gone, or the engine does not say now. Never rejects. */
  of(id: string): Promise<readonly string[]> {
    const known = this.#known.get(id);
    if (known) return known;
    const asked = this.#ask(id).catch(() => {
      this.#known.delete(id);
      return [];
    });
    this.#known.set(id, asked);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED) this.#known.delete(oldest!);
    return asked;
  }

  async #ask(id: string): Promise<readonly string[]> {
    try {
      const path = `/containers/${id}/json`;
      const { Config } = await this.#engine.json<Inspected>('GET', path, {
        signal: AbortSignal.timeout(PATIENCE),
      });
      return Object.keys(Config.ExposedPorts ?? {}).sort();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
  }
}

interface Inspected {
  Config: { ExposedPorts?: Record<string, object> | null };
}
