/** Copies an image from another node, which the manager chooses, onto this host's engine. */
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EngineClient } from '../../engine/client.ts';
import { findBuild, loadImage } from '../../engine/images.ts';
import type { Clock } from '../../model/clock.ts';
import { ApiError } from '../../model/errors.ts';
import { type FetchImage, type ImageTransfer, TemporaryError } from '../contract.ts';
import { referenceTo, type WantedImage, withoutDigest } from './names.ts';

/** How often it is said how far a copy is, in milliseconds. */
const TELL_EVERY = 2000;

export interface CopyOptions {
  engine: EngineClient;
  clock: Clock;
  fetchImage: FetchImage;
  log(message: string): void;
  /** Told how far it is. */
  tell(message: string): void;
}

export interface Copy {
  build: string;
  /** What the engine calls it: its tag, or the id that it has here. */
  name: string;
}

/**
 * The image that the engine has now, the very same one; undefined if no node has it. Throws a TemporaryError if no
 * manager can be asked or the way broke, an error that says why if the engine does not take it.
 */
export async function copyImage(wanted: WantedImage, options: CopyOptions): Promise<Copy | undefined> {
  const image = referenceTo(wanted);
  const stop = new AbortController();
  try {
    options.tell(`preparing: looking for image ${image} on the nodes`);
    const transfer = await options.fetchImage(image, stop.signal);
    await load(image, transfer, options);
    const { build, node } = transfer;
    const found = await findBuild(options.engine, withoutDigest(wanted.image), build);
    if (!found)
      throw new Error(`image ${image} from node ${node} was not taken: the engine has another one now`);
    options.log(`copied image ${image} from node ${node} (${found.image.Id} here)`);
    return { build, name: found.name };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The task that it is for may have been called off meanwhile: then the answer is 403.
    if (error.status === 404 || error.status === 403) {
      options.log(`image ${image} is not to be had from other nodes: ${error.message}`);
      return undefined;
    }
    throw new TemporaryError(`image ${image} cannot be copied now: ${error.message}`, { cause: error });
  } finally {
    stop.abort();
  }
}

async function load(image: string, transfer: ImageTransfer, { engine, clock, tell }: CopyOptions) {
  const { node, size, stream } = transfer;
  let done = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      next(null, chunk);
    },
  });
  const moving = pipeline(stream, counted);
  // Where it breaks, the engine's answer fails as well, and that is what is looked at.
  moving.catch(() => undefined);
  let cancel = (): void => {};
  const report = (): void => {
    tell(`preparing: copying image ${image} from node ${node} (${megabytes(done)} of ${megabytes(size)} MB)`);
    cancel = clock.timer(TELL_EVERY, report);
  };
  report();
  try {
    await loadImage(engine, counted);
    await moving;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 503) throw error;
    throw new Error(`image ${image} from node ${node} was not taken: ${error.message}`, { cause: error });
  } finally {
    cancel();
    stream.destroy();
  }
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
