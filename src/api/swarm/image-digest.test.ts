import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localDistribution } from './image-digest.ts';

const Id = 'sha256:1111';
const image = { Id, Architecture: 'amd64', Os: 'linux' };
const digest = (name: string, RepoDigests: string[] | null) =>
  localDistribution(name, { ...image, RepoDigests }).Descriptor.digest;

test('an image that was pulled under the name keeps its digest, one that was built is known by its id', () => {
  assert.equal(digest('nginx:1', ['nginx@sha256:aa']), 'sha256:aa');
  assert.equal(digest('docker.io/library/nginx:1', ['other@sha256:bb', 'nginx@sha256:aa']), 'sha256:aa');
  assert.equal(digest('reg:5000/a/b:1', ['reg:5000/a/b@sha256:cc']), 'sha256:cc');
  assert.equal(digest('app:latest', ['nginx@sha256:aa']), Id);
  assert.equal(digest('app:latest', []), Id);
  assert.equal(digest('app:latest', null), Id);
  assert.deepEqual(localDistribution('app', image).Platforms, [{ architecture: 'amd64', os: 'linux' }]);
});
