import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registryOf } from './registries.ts';

test('the registry of an image', () => {
  for (const [image, host] of [
    ['nginx', 'docker.io'],
    ['library/nginx:1', 'docker.io'],
    ['docker.io/library/nginx', 'docker.io'],
    ['localhost/x', 'localhost'],
    ['localhost:5000/x:1', 'localhost:5000'],
    ['Registry.example.com/team/x@sha256:1', 'registry.example.com'],
    ['nginx:1.27', 'docker.io'],
  ] as const)
    assert.equal(registryOf(image), host, image);
});
