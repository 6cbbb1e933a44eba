/** Which API versions are served on engines that are newer than any that was tried, and older than clients want. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startApi } from '../../test/support/api.ts';
import { readAll, unixEngine } from '../engine/client.ts';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** An API on an engine that has these versions and tells which of them it is spoken to in. */
async function apiOn(Version: string, MinAPIVersion: string, ApiVersion: string) {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-versions-'));
  folders.push(folder);
  const server = createServer(({ url = '' }, response) => {
    const answer = url.endsWith('/version') ? { Version, MinAPIVersion, ApiVersion } : { asked: url };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
  const engine = unixEngine(join(folder, 'engine.sock'));
  const api = await startApi(engine);
  const client = unixEngine(api.socket);
  return {
    /** The path with its version as a client writes it; returns the answer. */
    async get(path: string): Promise<{ status: number; version: unknown; body: Record<string, unknown> }> {
      const request = client.raw({ method: 'GET', path, headers: ['Host', 'd'] }).end();
      const answer = await new Promise<IncomingMessage>((resolve, reject) =>
        request.once('response', resolve).once('error', reject),
      );
      const text = (await readAll(answer)).toString();
      const body = text.startsWith('{') ? JSON.parse(text) : {};
      return { status: answer.statusCode!, version: answer.headers['api-version'], body };
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await api[Symbol.asyncDispose]();
      engine.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('an engine of a newer version: clients that ask are told the newest that was tried', async () => {
  await using api = await apiOn('29.7.2', '1.44', '1.55');
  assert.equal((await api.get('/_ping')).version, '1.51');
  const { body } = await api.get('/version');
  assert.deepEqual([body.ApiVersion, body.MinAPIVersion], ['1.51', '1.44']);
  assert.deepEqual((await api.get('/volumes')).body, { asked: '/v1.51/volumes' });
});

test('clients that are bound to what the engine knows get it, to and from the engine as well', async () => {
  await using api = await apiOn('29.7.2', '1.44', '1.55');
  for (const version of ['1.44', '1.51', '1.52', '1.55'])
    assert.deepEqual((await api.get(`/v${version}/volumes`)).body, { asked: `/v${version}/volumes` });
  // In this test no route of the swarm is registered.
  const swarm = await api.get('/v1.55/services');
  assert.deepEqual([swarm.status, swarm.version], [404, '1.51'], 'the version is not refused');
  for (const path of ['/volumes', '/services']) {
    assert.deepEqual((await api.get(`/v1.56${path}`)).body, {
      message: 'client version 1.56 is too new. Maximum supported API version is 1.55',
    });
    assert.deepEqual((await api.get(`/v1.43${path}`)).body, {
      message:
        'client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version',
    });
  }
});

test('no version is served that the engine does not know, for the swarm’s own routes neither', async () => {
  await using api = await apiOn('20.10.24', '1.12', '1.41');
  assert.equal((await api.get('/_ping')).version, '1.41');
  for (const path of ['/volumes', '/services']) {
    assert.deepEqual((await api.get(`/v1.44${path}`)).body, {
      message: 'client version 1.44 is too new. Maximum supported API version is 1.41',
    });
  }
});
