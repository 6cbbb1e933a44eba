import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startApi, testManager } from '../../test/support/api.ts';
import { EngineClient } from '../engine/client.ts';
import { NotCurrentError } from '../model/errors.ts';
import { openMemoryStore } from '../store/memory.ts';
import { sampleCluster } from '../store/samples.ts';
import type { RouteModule } from './router.ts';
import { managerOf } from './swarm/access.ts';

const engine = new EngineClient({ name: 'none', connect: () => Promise.reject(new Error('no engine')) });

const routes: RouteModule = (router, { membership }) => {
  router.get('/known', () => {
    managerOf(membership);
    return { status: 204 };
  });
};

async function statusOf(socketPath: string): Promise<number | undefined> {
  const [response] = (await once(get({ socketPath, path: '/known' }), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test('a request waits for an election, and is refused when there is no leader after that', {
  timeout: 20_000,
}, async () => {
  await using api = await startApi(engine, [routes]);
  let isCurrent = false;
  const face = testManager(openMemoryStore(), sampleCluster('c', '', ''));
  const leader = {
    ...face.leader,
    requireCurrent() {
      if (!isCurrent) throw new NotCurrentError();
    },
    changed: (patience: number) => delay(patience),
  };
  api.membership.become({ state: 'active' }, { ...face, leader });

  const answer = statusOf(api.socket);
  await Promise.race([answer, delay(200)]);
  isCurrent = true;
  assert.equal(await answer, 204);

  isCurrent = false;
  const begun = performance.now();
  assert.equal(await statusOf(api.socket), 500);
  assert.ok(performance.now() - begun < 5_000);
});
