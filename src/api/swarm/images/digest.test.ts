import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wasPulled } from './digest.ts';

const pulled = (name: string, RepoDigests: string[] | null, more: object = {}) =>
  wasPulled(name, { Id: 'sha256:1', RepoDigests, ...more });

test('an image that was pulled under the name is told from one that was built', () => {
  assert.equal(pulled('nginx', ['nginx@sha256:aa']), true);
  assert.equal(pulled('docker.io/library/nginx', ['other@sha256:bb', 'nginx@sha256:aa']), true);
  assert.equal(pulled('reg:5000/a/b', ['reg:5000/a/b@sha256:cc']), true);
  assert.equal(pulled('app', ['nginx@sha256:aa']), false);
  assert.equal(pulled('app', []), false);
  assert.equal(pulled('app', null), false);
});

test('where every image is called by the digest of its manifest, that digest is no proof of a registry', () => {
  const own = ['app@sha256:1', 'reg:5000/app@sha256:1'];
  assert.equal(pulled('app', own), false);
  assert.equal(pulled('reg:5000/app', own), false);
  assert.equal(pulled('app', own, { Identity: { Build: [{ Ref: 'x' }] } }), false);
  const Identity = { Pull: [{ Repository: 'docker.io/library/app' }] };
  assert.equal(pulled('app', own, { Identity }), true);
  assert.equal(pulled('reg:5000/app', own, { Identity }), false);
});
