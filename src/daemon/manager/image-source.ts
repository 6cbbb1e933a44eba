/**
 * Images of a manager's nodes for other nodes: found on the manager's own engine, else on the others, and read from
 * there as `docker save` writes them.
 */
import type { Readable } from 'node:stream';
import { Limiter } from '../../agent/engine-tasks/limiter.ts';
import {
  digestOf,
  familiarImage,
  referenceTo,
  type WantedImage,
  wantedImage,
  withoutDigest,
} from '../../agent/engine-tasks/names.ts';
import type { EngineClient } from '../../engine/client.ts';
import { findBuild, inspectImage, type LocalImage } from '../../engine/images.ts';
import type { ImageSource, ImageStream } from '../../manager/contract.ts';
import { ApiError } from '../../model/errors.ts';
import { buildOf } from '../../model/image-build.ts';
import type { Node } from '../../model/objects.ts';
import { atLeast } from '../../model/task-state.ts';
import type { Store, View } from '../../store/contract.ts';

/** How many images are on their way at a time; the rest waits. */
const COPIES = 4;
/** How long a node may take to say whether it has an image (ms), and how many are asked at a time. */
const PATIENCE = 3000;
const AT_ONCE = 16;

export interface ImageSourceOptions {
  store: Store;
  /** The manager's own node. */
  nodeId: string;
  engineOf(nodeId: string): EngineClient;
}

interface Found {
  image: LocalImage;
  build: string;
  engine: EngineClient;
  host: string;
}

export function createImageSource({ store, nodeId: own, engineOf }: ImageSourceOptions): ImageSource {
  const turns = new Limiter(COPIES);

  async function open(nodeId: string, reference: string, signal: AbortSignal): Promise<ImageStream> {
    const wanted = usedBy(store.view, nodeId, familiarImage(reference));
    if (!wanted) {
      throw new ApiError(403, `no task of node ${nodeId} uses image ${reference}`);
    }
    const found = await find(store.view, nodeId, wanted, signal);
    if (!found) throw new ApiError(404, `no node that answers has image ${reference}`);
    const { engine, host, build, image } = found;
    const opened = Promise.withResolvers<Readable>();
    // The turn lasts until the stream is closed, long after this has returned.
    turns
      .run(async () => {
        const stream = await save(engine, wanted.image, image.Id, signal);
        opened.resolve(stream);
        await new Promise<void>((resolve) => stream.once('close', resolve));
      }, signal)
      .catch(opened.reject);
    return { build, node: host, size: image.Size ?? 0, stream: await opened.promise };
  }

  /** The manager's own comes first, then the newest: every node that asks is given the same. */
  async function find(
    view: View,
    asking: string,
    wanted: WantedImage,
    signal: AbortSignal,
  ): Promise<Found | undefined> {
    const platform = view.get('node', asking)?.Description?.Platform;
    const fits = ({ Architecture = '', Os = '' }: LocalImage): boolean =>
      !platform || (same(Architecture, platform.Architecture) && same(Os, platform.OS));
    const others = [...view.all('node')].filter(
      ({ ID, Status }) => ID !== own && ID !== asking && Status.State === 'ready',
    );
    const ask = async (node: Node | undefined, id: string): Promise<Found | undefined> => {
      const engine = engineOf(id);
      const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
      const image = await look(engine, wanted, patience).catch(() => undefined);
      signal.throwIfAborted();
      const build = image && buildOf(image);
      if (build === undefined || !fits(image!)) return undefined;
      return { image: image!, build, engine, host: node?.Description?.Hostname ?? id };
    };
    const ours = asking === own ? undefined : await ask(view.get('node', own), own);
    if (ours) return ours;
    const all: Found[] = [];
    const worker = async (): Promise<void> => {
      for (let node = others.pop(); node; node = others.pop()) {
        const found = await ask(node, node.ID);
        if (found) all.push(found);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const made = ({ image }: Found): number => Date.parse(image.Created ?? '') || 0;
    return all.sort((a, b) => made(b) - made(a) || (a.build < b.build ? -1 : 1))[0];
  }

  return { open };
}

/** What a node means by the reference: it is given only what it was told to run. */
function usedBy(view: View, nodeId: string, reference: string): WantedImage | undefined {
  for (const task of view.tasksOfNode(nodeId)) {
    if (atLeast(task.DesiredState, 'shutdown')) continue;
    const wanted = wantedImage(task);
    if (referenceTo(wanted) === reference) return wanted;
    if (wanted.image === reference) return { image: reference };
  }
  return undefined;
}

/** The image of that name; one that is pinned to a registry's digest may be called by that alone. */
async function look(
  engine: EngineClient,
  { image, build }: WantedImage,
  signal: AbortSignal,
): Promise<LocalImage | undefined> {
  if (build !== undefined) return (await findBuild(engine, image, build, signal))?.image;
  const found = await inspectImage(engine, image, signal);
  const digest = digestOf(image);
  return found ?? (digest === undefined ? undefined : inspectImage(engine, digest, signal));
}

/** With its tag where it has it, so that the copy is called the same. */
async function save(engine: EngineClient, image: string, id: string, signal: AbortSignal): Promise<Readable> {
  const tag = withoutDigest(image);
  const tagged = await inspectImage(engine, tag, signal);
  const names = tagged?.Id === id ? tag : id;
  return engine.stream('GET', '/images/get', { query: { names }, signal });
}

const SYNONYMS: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };

function same(a: string, b: string | null | undefined): boolean {
  return !b || (SYNONYMS[a] ?? a) === (SYNONYMS[b] ?? b);
}
