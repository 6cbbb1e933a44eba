/**
 * Gets images onto the engine. Docker tries to pull for each task; tasks that begin at about the same time share one
 * attempt here, and a registry that cannot be reached is left alone for a while if the image is there anyway.
 */

import type { EngineClient } from '../../engine/client.ts';
import { jsonLines } from '../../engine/lines.ts';
import { ApiError } from '../../model/errors.ts';
import { familiarImage, hasDigest } from './names.ts';

/** How long an attempt counts for tasks that come later, in milliseconds. */
const FRESH_MS = 5000;
/** How long a registry that could not be reached is not asked for images that are here. */
const UNREACHABLE_MS = 60_000;

const NETWORK_TROUBLE =
  /dial tcp|lookup .* on|no such host|connection re(fused|set)|i\/o timeout|Client\.Timeout|TLS handshake|unreachable/;

interface Attempt {
  done: Promise<void>;
  /** When it was over; undefined while it runs. */
  over?: number;
}

export class Images {
  readonly #engine: EngineClient;
  readonly #now: () => number;
  readonly #log: (message: string) => void;
  readonly #attempts = new Map<string, Attempt>();
  /** Registry → until when it is not asked. */
  readonly #unreachable = new Map<string, number>();

  constructor(engine: EngineClient, now: () => number, log: (message: string) => void) {
    this.#engine = engine;
    this.#now = now;
    this.#log = log;
  }

  /**
   * Returns when an attempt to get the newest image is over, however it went: whether there is an image to use, the
   * creation of the container will show. Returns early when aborted; the attempt goes on for others.
   */
  async fetch(reference: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    const stale = this.#now() - FRESH_MS;
    for (const [key, { over }] of this.#attempts) {
      if (over !== undefined && over < stale) this.#attempts.delete(key);
    }
    const key = `${reference}\n${auth ?? ''}`;
    const attempt = this.#attempts.get(key) ?? this.#begin(reference, auth);
    this.#attempts.set(key, attempt);
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([attempt.done, aborted]);
  }

  #begin(reference: string, auth: string | undefined): Attempt {
    const attempt: Attempt = {
      done: this.#attempt(reference, auth).finally(() => {
        attempt.over = this.#now();
      }),
    };
    return attempt;
  }

  async #attempt(reference: string, auth: string | undefined): Promise<void> {
    const image = familiarImage(reference);
    const registry = registryOf(image);
    try {
      const patient = (this.#unreachable.get(registry) ?? 0) > this.#now();
      if ((hasDigest(image) || patient) && (await this.#present(image))) return;
      await this.#pull(image, auth);
      this.#unreachable.delete(registry);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (NETWORK_TROUBLE.test(message)) this.#unreachable.set(registry, this.#now() + UNREACHABLE_MS);
      this.#log(`pulling image ${image} failed, going on with what is here: ${message}`);
    }
  }

  async #present(image: string): Promise<boolean> {
    try {
      await this.#engine.json('GET', `/images/${image}/json`);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  async #pull(image: string, auth: string | undefined): Promise<void> {
    const body = await this.#engine.stream('POST', '/images/create', {
      query: pullQuery(image),
      headers: auth ? { 'x-registry-auth': auth } : {},
    });
    for await (const line of jsonLines<{ error?: string }>(body)) {
      if (line.error) throw new Error(line.error);
    }
  }
}

/** Only the tag that is named may come down, so the engine is told name and tag (or digest) apart. */
function pullQuery(image: string): { fromImage: string; tag?: string } {
  if (hasDigest(image)) {
    const at = image.indexOf('@');
    return { fromImage: image.slice(0, at).replace(/:[^/:]+$/, ''), tag: image.slice(at + 1) };
  }
  const colon = image.lastIndexOf(':');
  return { fromImage: image.slice(0, colon), tag: image.slice(colon + 1) };
}

function registryOf(image: string): string {
  const [first, ...rest] = image.split('/');
  return rest.length > 0 && /[.:]|^localhost$/.test(first!) ? first! : 'docker.io';
}
