import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, test } from 'node:test';
import { type EngineClient, unixEngine } from '../../engine/client.ts';
import { type Clock, systemClock } from '../../model/clock.ts';
import { buildOf } from '../../model/image-build.ts';
import type { Task } from '../../model/objects.ts';
import type { FetchImage } from '../contract.ts';
import { Images } from './images.ts';

/** The content of an image; the layer says which build it is. */
const content = (layer: string) => ({ RootFS: { Layers: [layer] }, Config: {} });
const build = (layer: string): string => buildOf(content(layer))!;

let folder: string;
let engine: EngineClient;
/** What is on the engine: names and ids → id and layer. */
const local = new Map<string, { Id: string; layer: string }>();
/** What a registry has said to it: none answers here. */
let said = '';
/** Loaded by the engine when it is sent any image. */
let arrives = (): void => {};
let asked = 0;
/** How much later (ms) it is than it is. */
let late = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + late };

const server = createServer((request, response) => {
  const { url = '', method } = request;
  const path = url.replace(/\?.*/, '').replace(/^\/v[\d.]+/, '');
  const answer = (): unknown => {
    if (path === '/version') return { ApiVersion: '1.41' };
    if (path === '/images/load') return arrives() ?? {};
    if (method === 'POST') return { error: said };
    if (path === '/images/json')
      return [...new Set([...local.values()].map(({ Id }) => Id))].map((Id) => ({ Id }));
    asked++;
    const found = local.get(decodeURIComponent(/^\/images\/(.*)\/json$/.exec(path)?.[1] ?? ''));
    return found && { Id: found.Id, ...content(found.layer) };
  };
  request.resume().once('end', () => {
    const body = answer();
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { message: 'no such image' }));
  });
});

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'essaim-images-'));
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  engine?.close();
  engine = unixEngine(join(folder, 'engine.sock'));
  local.clear();
  late = 0;
  said = 'dial tcp: lookup registry: no such host';
});

const has = (Id: string, layer: string, ...names: string[]): void => {
  for (const name of [Id, ...names]) local.set(name, { Id, layer });
};
const taskOf = (Image: string, imageBuild?: string): Task =>
  ({ Spec: { ContainerSpec: { Image } }, internal: { imageBuild } }) as unknown as Task;
const fetcher = (fetchImage?: FetchImage) => {
  const images = new Images({ engine, clock, log() {}, ...(fetchImage && { fetchImage }) });
  return (Image: string, layer?: string): Promise<string> =>
    images.fetch(taskOf(Image, layer && build(layer)), undefined, AbortSignal.timeout(30_000));
};

test('what a registry has said about an image that is nowhere is told; a local image goes first', async () => {
  said = 'unauthorized: authentication required';
  await assert.rejects(fetcher()('reg:5000/app:1'), {
    message: 'No such image: reg:5000/app:1 (unauthorized: authentication required)',
  });
  has('sha256:22', 'two', 'app:latest');
  assert.equal(await fetcher()('app'), 'app:latest');
  said = 'dial tcp: lookup registry: no such host';
  assert.equal(await fetcher()('other'), 'other:latest', 'the engine says that there is none');
});

test('a build is found by what is in it, whatever this engine calls it', async () => {
  has('sha256:22', 'two', 'app:latest');
  has('sha256:11', 'one');
  assert.equal(await fetcher()('app', 'two'), 'app:latest');
  assert.equal(await fetcher()('app', 'one'), 'sha256:11', 'the build that the service was made with');
  assert.equal(await fetcher()('app', 'three'), 'app:latest', 'that build is gone everywhere');
  asked = 0;
  assert.equal(await fetcher()('app', 'one'), 'sha256:11');
  assert.equal(asked, 2, 'what was looked at once is known: the tag, and what was found');
});

test('a build that was just found under a tag is looked for again when the tag stands for another one', async () => {
  const fetch = fetcher();
  has('sha256:11', 'one', 'app:latest');
  assert.equal(await fetch('app', 'one'), 'app:latest');
  has('sha256:22', 'two', 'app:latest');
  assert.equal(await fetch('app', 'two'), 'app:latest');
  assert.equal(await fetch('app', 'one'), 'sha256:11');
});

test('a copy is taken that has another id here than where it came from, and no other build', async () => {
  const references: string[] = [];
  const copies = (layer: string) =>
    fetcher(async (reference) => {
      references.push(reference);
      return { build: build(layer), node: 'h', size: 1, stream: Readable.from(['x']) };
    });
  arrives = () => has('sha256:99', 'one', 'app:latest');
  assert.equal(await copies('one')('app', 'one'), 'app:latest');
  assert.deepEqual(references, [`app:latest@${build('one')}`]);
  local.clear();
  // The tag stands for the newest build here, and the one that comes is called by its id.
  has('sha256:22', 'two', 'app:latest');
  arrives = () => has('sha256:99', 'one');
  assert.equal(await copies('one')('app', 'one'), 'sha256:99');
  local.clear();
  arrives = () => has('sha256:22', 'two', 'app:latest');
  await assert.rejects(copies('one')('app', 'one'), {
    message: `image app:latest@${build('one')} from node h was not taken: the engine has another one now`,
  });
});

test('an image that is here under another name is asked of its registry first', async () => {
  const digest = `sha256:${'d'.repeat(64)}`;
  has(digest, 'one', 'other:latest');
  said = '';
  assert.equal(await fetcher()(`reg:5000/app:1@${digest}`), `reg:5000/app:1@${digest}`);
  said = 'dial tcp: lookup registry: no such host';
  assert.equal(await fetcher()(`reg:5000/app:1@${digest}`), digest);
});

test('an image that is pinned to the digest of a registry is copied once', async () => {
  said = 'unauthorized: authentication required';
  const image = `reg:5000/app:1@sha256:${'d'.repeat(64)}`;
  let copied = 0;
  arrives = () => has('sha256:99', 'one', 'reg:5000/app:1');
  const fetch = fetcher(async () => {
    copied++;
    return { build: build('one'), node: 'h', size: 1, stream: Readable.from(['x']) };
  });
  assert.equal(await fetch(image), 'reg:5000/app:1');
  // Long after that the tag stands for another build here.
  late = 60_000;
  has('sha256:22', 'two', 'reg:5000/app:1');
  assert.equal(await fetch(image), 'sha256:99');
  assert.equal(copied, 1);
});
