import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTarget, type Target } from './target.ts';

const path = (url: string) => (parseTarget(url) as Target).path;

test('version, path and query', () => {
  const target = parseTarget('/v1.41/services/a%20b?x=1&y=%2F') as Target;
  assert.equal(target.version, '1.41');
  assert.equal(target.path, '/services/a b');
  assert.equal(target.raw, '/services/a%20b?x=1&y=%2F');
  assert.equal(target.query.get('y'), '/');
  assert.equal((parseTarget('/info') as Target).version, undefined);
  assert.equal(path('/vx/info'), '/vx/info');
  assert.equal(path('/v1.41'), '/v1.41');
  assert.equal(path('http://docker/v1.41/info'), '/info');
  assert.equal(path('http://docker'), '/');
});

test('a path is what its decoded form says', () => {
  assert.equal(path('/v1.41/%73warm'), '/swarm');
  assert.equal(path('/%761.41/swarm'), '/swarm');
  assert.equal((parseTarget('/%761.41/info') as Target).raw, '/info');
  assert.equal(path('/v1.41/services/a%2fb'), '/services/a/b');
});

test('other than canonical paths are moved', () => {
  const moved: Array<[string, string]> = [
    ['//v1.41/_ping', '/v1.41/_ping'],
    ['/v1.41//_ping?a=1', '/v1.41/_ping?a=1'],
    ['/v1.41/x/../_ping', '/v1.41/_ping'],
    ['/v1.41/x/%2e%2e/_ping', '/v1.41/_ping'],
    ['/x%2f%2fy', '/x/y'],
    ['/../../etc/', '/etc/'],
    ['/./%3f', '/%3F'],
  ];
  for (const [url, to] of moved) assert.deepEqual(parseTarget(url), { moved: to }, url);
});

test('what is no URL is malformed', () => {
  for (const url of ['*', 'x', '/%zz', '/%', '/%ff', 'ftp://x/y', ''])
    assert.equal(parseTarget(url), 'malformed', url);
});

test('no spelling reaches a path that is not canonical', () => {
  const part = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    'swarm',
    'v1.41',
    '?',
    '%',
    'a',
    '#',
    '\\',
    ':',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const target = parseTarget(`/${parts.join('')}`);
      if (typeof target !== 'object' || 'moved' in target) return;
      assert.ok(target.path.startsWith('/'));
      const clean = posix.normalize(target.path);
      assert.equal(target.path, clean);
    }),
    { numRuns: 2000 },
  );
});
