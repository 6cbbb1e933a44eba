import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { unixEngine } from '../../../engine/client.ts';
import { buildOf } from '../../../model/image-build.ts';
import type { Service } from '../../../model/objects.ts';
import { TestCluster } from '../testing/cluster.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
/** As an engine tells of it: the layer says which build it is, whatever its id is there. */
const imageOf = (layer: string, Id: string, RepoDigests: string[] = []) => ({
  ...{ Id, RepoDigests, Created: '2026-01-01T00:00:00Z', RootFS: { Layers: [layer] }, Config: {} },
});
const [ONE, TWO] = [buildOf(imageOf('one', ''))!, buildOf(imageOf('two', ''))!];

describe('the image of a service', () => {
  let folder: string;
  let engine: Server;
  let cluster: TestCluster;
  /** What the engine's registry and the engine itself know. */
  const registry = new Map<string, string>();
  const images = new Map<string, ReturnType<typeof imageOf>>();
  const auths: unknown[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'essaim-image-'));
    engine = createServer(({ url = '', headers }, response) => {
      const name = /\/(?:images|distribution)\/(.*)\/json/.exec(url)?.[1] ?? '';
      const asked = url.includes('/distribution/');
      if (asked) auths.push(headers['x-registry-auth']);
      const digest = registry.get(decodeURIComponent(name));
      const answers: Record<string, unknown> = { version: { ApiVersion: '1.41' } };
      const found = asked
        ? digest && { Descriptor: { digest }, Platforms: [] }
        : (answers[url.slice(1)] ?? images.get(decodeURIComponent(name)));
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? { message: 'no such image' }));
    });
    await new Promise<void>((resolve) => engine.listen(join(folder, 'engine.sock'), resolve));
  });
  after(async () => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    registry.clear();
    images.clear();
    cluster = await new TestCluster(unixEngine(join(folder, 'engine.sock'))).found();
  });

  const spec = (Image: string, more = {}) => ({
    Name: 'web',
    Mode: { Replicated: { Replicas: 1 } },
    TaskTemplate: { ContainerSpec: { Image } },
    ...more,
  });
  const create = (Image: string, options = {}) =>
    cluster.ask('POST', '/services/create', { body: spec(Image), ...options });
  const service = (): Service => cluster.store.view.byName('service', 'web')[0]!;
  const update = async (body: object, query = '', options = {}) => {
    const url = `/services/web/update?version=${service().Version.Index}${query}`;
    const answer = await cluster.ask('POST', url, { body, ...options });
    assert.equal(answer.status, 200, answer.text);
    return answer.body as { Warnings: string[] | null };
  };
  const image = () => service().Spec.TaskTemplate?.ContainerSpec?.Image;
  const ids = () => [service().internal.imageBuild, service().internal.previousImageBuild];

  test('is as it was sent; old clients have it pinned, or are warned', async () => {
    registry.set('app:1', DIGEST).set('reg:5000/app', DIGEST);
    assert.equal(((await create('app:1')).body as { Warnings: unknown }).Warnings, null);
    assert.equal(image(), 'app:1');
    const old = { apiVersion: '1.29', headers: { 'x-registry-auth': 'me' } };
    assert.equal((await update(spec('app:1'), '', old)).Warnings, null);
    assert.equal(image(), `app:1@${DIGEST}`);
    assert.equal(auths.at(-1), 'me');
    await update(spec('reg:5000/app'), '', old);
    assert.equal(image(), `reg:5000/app:latest@${DIGEST}`);
    const before = auths.length;
    await update(spec(`app@${DIGEST}`), '', old);
    assert.equal(image(), `app@${DIGEST}`);
    assert.equal(auths.length, before, 'what has a digest is not asked for');
    const warning =
      'image other could not be accessed on a registry to record\nits digest. Each node will access other independently,\n' +
      'possibly leading to different nodes running different\nversions of the image.\n';
    assert.deepEqual((await update(spec('other'), '', old)).Warnings, [warning]);
    assert.equal(image(), 'other');
  });

  test('that was built here is known by its build, beside the spec; one that was pulled is not', async () => {
    images
      .set('app', imageOf('one', 'sha256:1'))
      .set('nginx', imageOf('two', 'sha256:2', [`nginx@${DIGEST}`]));
    await create('app');
    assert.deepEqual([image(), ...ids()], ['app', ONE, undefined]);
    const shown = JSON.stringify((await cluster.ask('GET', '/services/web')).body);
    assert.ok(!shown.includes(ONE));
    await update(spec('nginx'));
    assert.deepEqual(ids(), [undefined, ONE]);
  });

  test('that is built anew counts when the spec is posted again, or tasks are made anew, not otherwise', async () => {
    images.set('app', imageOf('one', 'sha256:1'));
    await create('app');
    const { specVersion } = service().internal;
    await update(spec('app'));
    assert.equal(service().internal.specVersion, specVersion, 'the same build restarts nothing');
    images.set('app', imageOf('two', 'sha256:2'));
    await update(spec('app', { Mode: { Replicated: { Replicas: 5 } } }));
    assert.deepEqual(ids(), [ONE, ONE]);
    assert.equal(service().internal.specVersion, specVersion);
    await update(service().Spec);
    assert.deepEqual(ids(), [TWO, ONE]);
    assert.notEqual(service().internal.specVersion, specVersion);
    await update(service().Spec, '&rollback=previous');
    assert.deepEqual(ids(), [ONE, TWO]);
    await update(spec('app', { TaskTemplate: { ContainerSpec: { Image: 'app' }, ForceUpdate: 1 } }));
    assert.deepEqual(ids(), [TWO, ONE]);
    images.clear();
    await update(spec('app', { TaskTemplate: { ContainerSpec: { Image: 'app' }, ForceUpdate: 2 } }));
    assert.deepEqual(ids(), [TWO, TWO], 'the host has it no more, others do');
    await update(spec('other'));
    assert.deepEqual(ids(), [undefined, TWO]);
  });

  test('is the same build in a store that gives it another id each time, and another one if it is', async () => {
    const named = (layer: string, Id: string) => images.set('app', imageOf(layer, Id, [`app@${Id}`]));
    named('one', 'sha256:1');
    await create('app');
    assert.deepEqual(ids(), [ONE, undefined]);
    const { specVersion } = service().internal;
    named('one', 'sha256:11');
    await update(spec('app'));
    assert.equal(service().internal.specVersion, specVersion, 'the same build restarts nothing');
    named('two', 'sha256:2');
    await update(spec('app'));
    assert.deepEqual(ids(), [TWO, ONE]);
    assert.notEqual(service().internal.specVersion, specVersion);
  });
});
