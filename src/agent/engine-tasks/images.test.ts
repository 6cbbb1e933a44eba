import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unixEngine } from '../../engine/client.ts';
import { systemClock } from '../../model/clock.ts';
import type { Task } from '../../model/objects.ts';
import { Images } from './images.ts';

/** An engine of which only what a registry has said to it matters: none answers here. */
test('what a registry has said about an image that is nowhere is told; a local image goes first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-images-'));
  const local = new Map<string, string>();
  let said = '';
  const server = createServer(({ url = '', method }, response) => {
    const path = url.replace(/\?.*/, '').replace(/^\/v[\d.]+/, '');
    const id = local.get(decodeURIComponent(/^\/images\/(.*)\/json$/.exec(path)?.[1] ?? ''));
    const answer =
      path === '/version' ? { ApiVersion: '1.41' } : method === 'POST' ? { error: said } : id && { Id: id };
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'no such image' }));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
  try {
    const engine = unixEngine(join(folder, 'engine.sock'));
    const fetch = (Image: string, imageId?: string): Promise<string> => {
      const task = { Spec: { ContainerSpec: { Image } }, internal: { imageId } } as unknown as Task;
      const images = new Images({ engine, clock: systemClock, log() {} });
      return images.fetch(task, undefined, AbortSignal.timeout(30_000));
    };
    said = 'unauthorized: authentication required';
    await assert.rejects(fetch('reg:5000/app:1'), {
      message: 'No such image: reg:5000/app:1 (unauthorized: authentication required)',
    });
    local.set('app:latest', 'sha256:22').set('sha256:22', 'sha256:22').set('sha256:11', 'sha256:11');
    assert.equal(await fetch('app'), 'app:latest');
    assert.equal(await fetch('app', 'sha256:22'), 'app:latest');
    assert.equal(await fetch('app', 'sha256:11'), 'sha256:11', 'the build that the service was made with');
    assert.equal(await fetch('app', 'sha256:33'), 'app:latest', 'that build is gone everywhere');
    said = 'dial tcp: lookup registry: no such host';
    assert.equal(await fetch('other'), 'other:latest', 'the engine says that there is none');
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
});
