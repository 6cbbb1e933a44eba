/**
 * Images of a manager's nodes for other nodes: found on the manager's own engine, else on the others, and read from
 * there as `docker save` writes them.
 */
import type { Readable } from 'node:stream';
import { Limiter } from '../agent/engine-tasks/limiter.ts';
import { digestOf, familiarImage, imageOnHosts, withoutDigest } from '../agent/engine-tasks/names.ts';
import type { EngineClient } from '../engine/client.ts';
import type { ImageSource, ImageStream } from '../manager/contract.ts';
import { ApiError } from '../model/errors.ts';
import type { Node } from '../model/objects.ts';
import { atLeast } from '../model/task-state.ts';
import type { Store, View } from '../store/contract.ts';

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

interface Inspect {
  Id: string;
  Created: string;
  Size: number;
  Architecture: string;
  Os: string;
}

interface Found extends Inspect {
  engine: EngineClient;
  host: string;
}

export function createImageSource({ store, nodeId: own, engineOf }: ImageSourceOptions): ImageSource {
  const turns = new Limiter(COPIES);

  async function open(nodeId: string, reference: string, signal: AbortSignal): Promise<ImageStream> {
    if (!isUsed(store.view, nodeId, reference)) {
      throw new ApiError(403, `no task of node ${nodeId} uses image ${reference}`);
    }
    const found = await find(store.view, nodeId, familiarImage(reference), signal);
    if (!found) throw new ApiError(404, `no node that answers has image ${reference}`);
    const { engine, host, Id, Size } = found;
    const opened = Promise.withResolvers<Readable>();
    // The turn lasts until the stream is closed, long after this has returned.
    turns
      .run(async () => {
        const stream = await save(engine, familiarImage(reference), Id, signal);
        opened.resolve(stream);
        await new Promise<void>((resolve) => stream.once('close', resolve));
      }, signal)
      .catch(opened.reject);
    return { id: Id, node: host, size: Size, stream: await opened.promise };
  }

  /** The manager's own comes first, then the newest: every node that asks is given the same. */
  async function find(
    view: View,
    asking: string,
    image: string,
    signal: AbortSignal,
  ): Promise<Found | undefined> {
    const platform = view.get('node', asking)?.Description?.Platform;
    const fits = ({ Architecture, Os }: Inspect): boolean =>
      !platform || (same(Architecture, platform.Architecture) && same(Os, platform.OS));
    const others = [...view.all('node')].filter(
      ({ ID, Status }) => ID !== own && ID !== asking && Status.State === 'ready',
    );
    const ask = async (node: Node | undefined, id: string): Promise<Found | undefined> => {
      const engine = engineOf(id);
      const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
      const found = await inspect(engine, image, patience).catch(() => undefined);
      signal.throwIfAborted();
      return found && fits(found) ? { ...found, engine, host: node?.Description?.Hostname ?? id } : undefined;
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
    return all.sort((a, b) => Date.parse(b.Created) - Date.parse(a.Created) || (a.Id < b.Id ? -1 : 1))[0];
  }

  return { open };
}

/** A node is given only what it was told to run. */
function isUsed(view: View, nodeId: string, reference: string): boolean {
  const image = familiarImage(reference);
  for (const task of view.tasksOfNode(nodeId)) {
    const named = familiarImage(task.Spec.ContainerSpec?.Image ?? '');
    const used = named === image || imageOnHosts(task) === image;
    if (used && !atLeast(task.DesiredState, 'shutdown')) return true;
  }
  return false;
}

/** The image of that name; one that is pinned is known by the registry's digest, or by its id where it was built. */
async function inspect(
  engine: EngineClient,
  image: string,
  signal: AbortSignal,
): Promise<Inspect | undefined> {
  const digest = digestOf(image);
  for (const name of digest === undefined ? [image] : [image, digest]) {
    const found = await engine
      .json<Inspect>('GET', `/images/${pathOf(name)}/json`, { signal })
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      });
    if (found) return found;
  }
  return undefined;
}

/** With its tag where it has it, so that the copy is called the same. */
async function save(engine: EngineClient, image: string, id: string, signal: AbortSignal): Promise<Readable> {
  const tag = withoutDigest(image);
  const tagged = await inspect(engine, tag, signal);
  const names = tagged?.Id === id ? tag : id;
  return engine.stream('GET', '/images/get', { query: { names }, signal });
}

function pathOf(image: string): string {
  return image.split('/').map(encodeURIComponent).join('/');
}

const SYNONYMS: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };

function same(a: string, b: string | null | undefined): boolean {
  return !b || (SYNONYMS[a] ?? a) === (SYNONYMS[b] ?? b);
}
