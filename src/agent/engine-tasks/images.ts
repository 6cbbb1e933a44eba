/**
 * Gets images onto the engine. Docker tries to pull for each task; tasks that begin at about the same time share one
 * attempt here, and a registry that cannot be reached is left alone for a while if the image is there anyway. What no
 * registry gives is copied from another node of the swarm.
 */

import type { EngineClient } from '../../engine/client.ts';
import { errorIn, findBuild, inspectImage, type Progress } from '../../engine/images.ts';
import { jsonLines } from '../../engine/lines.ts';
import type { Clock } from '../../model/clock.ts';
import type { Task } from '../../model/objects.ts';
import type { FetchImage } from '../contract.ts';
import { copyImage } from './image-copy.ts';
import { Limiter } from './limiter.ts';
import { digestOf, hasDigest, referenceTo, type WantedImage, wantedImage, withoutDigest } from './names.ts';

/** How long an attempt counts for tasks that come later, in milliseconds. */
const FRESH_MS = 5000;
/** How long a registry that could not be reached is not asked for images that are here. */
const UNREACHABLE_MS = 60_000;
/** How many images are copied from other nodes at a time. */
const COPIES = 2;

const NETWORK_TROUBLE =
  /dial tcp|lookup .* on|no such host|connection re(fused|set)|i\/o timeout|Client\.Timeout|TLS handshake|unreachable/;

export interface ImagesOptions {
  engine: EngineClient;
  clock: Clock;
  log(message: string): void;
  /** Absent: there are no other nodes to copy from. */
  fetchImage?: FetchImage;
}

interface Attempt {
  /** The name or id to create containers from. */
  done: Promise<string>;
  /** When it was over; undefined while it runs. */
  over?: number;
  /** Told how far it is. */
  listeners: Set<(message: string) => void>;
}

type Tell = (message: string) => void;

export class Images {
  readonly #options: ImagesOptions;
  readonly #attempts = new Map<string, Attempt>();
  readonly #copies = new Limiter(COPIES);
  /** Of images that are pinned to a registry's digest and came from another node: which build that is. */
  readonly #copied = new Map<string, string>();
  /** Registry → until when it is not asked. */
  readonly #unreachable = new Map<string, number>();

  constructor(options: ImagesOptions) {
    this.#options = options;
  }

  /**
   * What to create containers from, once an attempt to get the newest image is over: whether it is there, the creation
   * will show. Returns early when aborted; the attempt goes on for others. Throws if a copy from another node fails.
   */
  async fetch(
    task: Task,
    auth: string | undefined,
    signal: AbortSignal,
    progress: (message: string) => void = () => {},
  ): Promise<string> {
    const stale = this.#now() - FRESH_MS;
    for (const [key, { over }] of this.#attempts) {
      if (over !== undefined && over < stale) this.#attempts.delete(key);
    }
    const wanted = wantedImage(task);
    const { image } = wanted;
    const key = `${referenceTo(wanted)}\n${auth ?? ''}`;
    const before = this.#attempts.get(key);
    if (wanted.build !== undefined && before?.over !== undefined) {
      // The tag that it had then may be another build's by now.
      const here = await this.#present(wanted);
      if (here !== undefined) return here;
      // Somebody else who asks for it may have begun anew meanwhile.
      if (this.#attempts.get(key) === before) this.#attempts.delete(key);
    }
    const attempt = this.#attempts.get(key) ?? this.#begin(key, wanted, auth);
    attempt.listeners.add(progress);
    const aborted = new Promise<string>((resolve) => {
      if (signal.aborted) resolve(image);
      else signal.addEventListener('abort', () => resolve(image), { once: true });
    });
    return Promise.race([attempt.done, aborted]).finally(() => attempt.listeners.delete(progress));
  }

  #begin(key: string, wanted: WantedImage, auth: string | undefined): Attempt {
    const listeners: Attempt['listeners'] = new Set();
    const tell: Tell = (message) => {
      for (const listener of listeners) listener(message);
    };
    const attempt: Attempt = { listeners, done: this.#attempt(wanted, auth, tell) };
    this.#attempts.set(key, attempt);
    attempt.done.then(
      () => {
        attempt.over = this.#now();
      },
      () => this.#attempts.delete(key),
    );
    return attempt;
  }

  async #attempt(wanted: WantedImage, auth: string | undefined, tell: Tell): Promise<string> {
    const { image, build } = wanted;
    const registry = registryOf(image);
    const patient = (this.#unreachable.get(registry) ?? 0) > this.#now();
    if (hasDigest(image) || patient) {
      const here = await this.#present(wanted);
      if (here !== undefined) return here;
    }
    // A registry that was not reached just now need not be waited for again where the swarm has the image.
    const copied = patient ? await this.#copy(wanted, tell) : undefined;
    if (copied !== undefined) return copied;
    const refusal = await this.#pullOrWhyNot(image, registry, auth);
    if (refusal === undefined) return image;
    const here =
      (await this.#present(wanted)) ??
      (await this.#underAnotherName(image)) ??
      (patient ? undefined : await this.#copy(wanted, tell));
    if (here !== undefined) return here;
    // Nobody has that build any more: another one under its name is as good as it gets.
    const other =
      build === undefined
        ? undefined
        : ((await this.#present({ image })) ?? (await this.#copy({ image }, tell)));
    // Docker says no more than that there is no such image; what the registry has said is how to help it.
    if (other === undefined && refusal) throw new Error(`No such image: ${image} (${refusal})`);
    return other ?? image;
  }

  /** Undefined once the image is here, else what the registry has said; nothing if it was not reached. */
  async #pullOrWhyNot(
    image: string,
    registry: string,
    auth: string | undefined,
  ): Promise<string | undefined> {
    try {
      await this.#pull(image, auth);
      this.#unreachable.delete(registry);
      return undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.log(`pulling image ${image} failed, going on without: ${message}`);
      if (!NETWORK_TROUBLE.test(message)) return message;
      this.#unreachable.set(registry, this.#now() + UNREACHABLE_MS);
      return '';
    }
  }

  /** What the image can be used as, if the engine has it. */
  async #present(wanted: WantedImage): Promise<string | undefined> {
    const { engine } = this.#options;
    const { image } = wanted;
    const build = wanted.build ?? this.#copied.get(image);
    if (build !== undefined) return (await findBuild(engine, withoutDigest(image), build))?.name;
    return (await inspectImage(engine, image)) ? image : undefined;
  }

  /** The id of what is pinned to a digest, where images are called by those: no registry has given it by this name. */
  async #underAnotherName(image: string): Promise<string | undefined> {
    const digest = digestOf(image);
    return digest && (await inspectImage(this.#options.engine, digest))?.Id;
  }

  /** What the image can be used as once it is copied; undefined if no node has it. */
  async #copy(wanted: WantedImage, tell: Tell): Promise<string | undefined> {
    const { engine, clock, fetchImage, log } = this.#options;
    if (!fetchImage) return undefined;
    const copy = await this.#copies.run(() => copyImage(wanted, { engine, clock, fetchImage, log, tell }));
    // The digest of a registry is lost on the way: nothing but this says that it is here.
    if (copy && hasDigest(wanted.image)) this.#copied.set(wanted.image, copy.build);
    return copy?.name;
  }

  async #pull(image: string, auth: string | undefined): Promise<void> {
    const body = await this.#options.engine.stream('POST', '/images/create', {
      query: pullQuery(image),
      headers: auth ? { 'x-registry-auth': auth } : {},
    });
    for await (const line of jsonLines<Progress>(body)) {
      const error = errorIn(line);
      if (error !== undefined) throw new Error(error);
    }
  }

  #now(): number {
    return this.#options.clock.now();
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
