import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Router } from './router.ts';

function routerOf(...routes: string[]): (target: string) => string | undefined {
  const router = new Router();
  const names = new Map<unknown, string>();
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ');
    const handler = () => ({ status: 200 });
    names.set(handler, route);
    router.on(method, path, handler);
  }
  return (target) => {
    const [method = '', path = ''] = target.split(' ');
    const match = router.match(method, path);
    return match && `${names.get(match.handler)} ${JSON.stringify(match.params)}`;
  };
}

test('a segment in braces takes one segment, a literal one comes first', () => {
  const match = routerOf('POST /services/{id}/update', 'POST /services/{id}', 'POST /services/create');
  assert.equal(match('POST /services/create'), 'POST /services/create {}');
  assert.equal(match('POST /services/x'), 'POST /services/{id} {"id":"x"}');
  assert.equal(match('POST /services/create/update'), 'POST /services/{id}/update {"id":"create"}');
  for (const other of [
    'GET /services/x',
    'POST /services',
    'POST /services/',
    'POST /services/x/',
    'POST /services//update',
  ])
    assert.equal(match(other), undefined, other);
});

test('dots take one or more', () => {
  const match = routerOf('GET /distribution/{name...}/json');
  assert.equal(match('GET /distribution/a/json'), 'GET /distribution/{name...}/json {"name":"a"}');
  assert.equal(
    match('GET /distribution/a.b:5/c/d/json'),
    'GET /distribution/{name...}/json {"name":"a.b:5/c/d"}',
  );
  assert.equal(match('GET /distribution/json'), undefined);
  assert.equal(match('GET /distribution/a/jso'), undefined);
  assert.equal(match('GET /distribution//json'), undefined);
});

test('what is owned is so by its first segment', () => {
  const router = new Router();
  router.own('swarm');
  assert.ok(router.owns('/swarm') && router.owns('/swarm/x/y'));
  assert.ok(!router.owns('/swarmy') && !router.owns('/x/swarm') && !router.owns('/'));
});
