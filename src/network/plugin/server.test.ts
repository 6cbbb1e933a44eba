import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NetworkDriver } from './protocol.ts';
import { servePlugin } from './server.ts';

test('connections of the engine are kept, however long it says nothing on them', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'essaim-plugin-'));
  const socketPath = join(folder, 'plugin.sock');
  const log = { debug() {}, info() {}, warn() {} };
  const server = await servePlugin(socketPath, {} as NetworkDriver, log);
  const agent = new Agent({ keepAlive: true });
  t.after(async () => {
    agent.destroy();
    await server.close();
    await rm(folder, { recursive: true });
  });
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    request({ socketPath, agent, method: 'POST', path: '/Plugin.Activate' }, resolve)
      .on('error', reject)
      .end(),
  );
  answer.resume();
  assert.equal(answer.headers.connection, 'keep-alive');
  // Where there is a limit, it is told.
  assert.equal(answer.headers['keep-alive'], undefined);
});
