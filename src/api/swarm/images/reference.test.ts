import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('references to images', () => {
  assert.deepEqual(parseImageReference('busybox'), { name: 'busybox', tag: undefined, digest: undefined });
  assert.deepEqual(parseImageReference(`host:5000/a/b:1.2@${digest}`), {
    name: 'host:5000/a/b',
    tag: '1.2',
    digest,
  });
  for (const good of [
    'a/b',
    'localhost/a',
    'a__b/c-d.e',
    'x:Tag_1',
    'HOST/name',
    '[::1]:5000/x',
    `a@${digest}`,
  ]) {
    assert.ok(parseImageReference(good), good);
  }
});

test('what is none', () => {
  const long = 'a'.repeat(300);
  for (const bad of [
    '',
    'Foo',
    'BB:foo:x',
    'a b',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a_',
    `a:${long}`,
    long,
    'a'.repeat(64),
    '{{.x}}',
  ]) {
    assert.equal(parseImageReference(bad), undefined, bad);
  }
});

test('a long text is refused quickly', () => {
  const started = performance.now();
  parseImageReference(`${'a-'.repeat(100_000)}!`);
  parseImageReference(`${'a'.repeat(700)}!`);
  assert.ok(performance.now() - started < 3000, 'not by trying every way to read it');
});
