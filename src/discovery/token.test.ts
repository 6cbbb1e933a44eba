import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { systemClock } from '../model/clock.ts';
import { findDiscovery } from './parse.ts';
import { createToken, defaultService } from './token.ts';
import { Tokens, tokenServer } from './token-service.ts';

describe('a token service', () => {
  const clock = new VirtualClock();
  const tokens = new Tokens(clock);
  const post = (path: string, body = '') => tokens.answer('POST', path, body);
  const list = (token: string): string => tokens.answer('GET', `/v1/clusters/${token}`, '').body;

  test('gives out tokens, and keeps addresses for as long as it was told', async () => {
    const { body: token } = post('/v1/clusters');
    assert.match(token, /^[0-9a-f]{32}$/);
    assert.equal(list(token), '[]');
    assert.equal(post(`/v1/clusters/${token}?ttl=10`, '10.0.0.1:2375').status, 200);
    assert.equal(post(`/v1/clusters/${token}?ttl=30`, 'host:2375').status, 200);
    assert.equal(list(token), '["10.0.0.1:2375","host:2375"]');
    await clock.advance(10_000);
    assert.equal(list(token), '["host:2375"]');
    assert.equal(tokens.answer('DELETE', `/v1/clusters/${token}`, '').status, 200);
    assert.equal(list(token), '[]');
  });

  test('takes tokens that it has not given out, as it forgets them when it is started anew', () => {
    post('/clusters/feed', 'h:1');
    assert.equal(list('feed'), '["h:1"]');
  });

  for (const [what, method, path, body, status] of [
    ['no address', 'POST', '/v1/clusters/t', 'nonsense', 400],
    ['a time that is none', 'POST', '/v1/clusters/t?ttl=x', 'h:1', 400],
    ['a time that is over', 'POST', '/v1/clusters/t?ttl=-1', 'h:1', 400],
    ['a list of all tokens', 'GET', '/v1/clusters', '', 405],
    ['something else', 'GET', '/v1/other', '', 404],
    ['a token that is none', 'GET', '/v1/clusters/a%2Fb', '', 404],
  ] as const) {
    test(`refuses ${what}`, () => assert.equal(tokens.answer(method, path, body).status, status));
  }
});

test('hosts and managers find each other by a token', async () => {
  const server = tokenServer(new Tokens(systemClock)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { signal } = new AbortController();
  try {
    const token = await createToken(`http://127.0.0.1:${port}/v1`);
    const failed = (error: Error): void => assert.fail(error);
    const { discovery } = findDiscovery(`token://127.0.0.1:${port}/v1/${token}`, {
      heartbeat: 1,
      options: {},
      failed,
    });
    await discovery.register('10.0.0.1:2375', 60, signal);
    for await (const entries of discovery.watch(signal)) {
      assert.deepEqual(entries, ['10.0.0.1:2375']);
      break;
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('without a service it is said how to start one', () => {
  assert.throws(() => defaultService(), /essaim discovery/);
});
