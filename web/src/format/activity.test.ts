import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRANTS } from '../../../src/access/grants.ts';
import { deedText } from './activity.ts';

const said = (request: string, about?: string): string => {
  const [method = '', path = ''] = request.split(' ');
  return deedText({ method, path, ...(about && { about }) });
};

test('what was done is said in words, with the name of what it was done to', () => {
  assert.equal(said('POST /services/create', 'web'), 'made the service web');
  assert.equal(said('POST /services/create'), 'made the service');
  assert.equal(said('POST /services/abc/update', 'web'), 'changed the service web');
  assert.equal(said('DELETE /services/web'), 'removed the service web');
  assert.equal(said('POST /essaim/nodes/n/containers/c/stop', 'web.1'), 'stopped the container web.1');
  assert.equal(said('DELETE /essaim/nodes/n/volumes/data'), 'removed the volume data');
  assert.equal(said('GET /containers/c/exec', 'web.1'), 'opened a console in web.1');
  assert.equal(said('POST /essaim/stacks/50%'), 'deployed the stack 50%');
  assert.equal(said('DELETE /essaim/stacks/shop'), 'removed the stack shop');
  assert.equal(said('POST /essaim/users/bob'), 'changed the account bob');
  assert.equal(said('POST /essaim/volumes/prune'), 'removed unused volumes');
  assert.equal(said('POST /essaim/session'), 'signed in');
});

test('what there are no words for is said as it was asked', () => {
  assert.equal(said('POST /something/else'), 'POST /something/else');
  assert.equal(said('POST /'), 'POST /');
});

test('there are words for every write that the audit can have', () => {
  const wordless = GRANTS.filter(({ method, reads }) => method !== 'GET' && method !== 'HEAD' && !reads)
    .filter(({ right }) => right !== 'socket')
    .map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]+\}/g, 'x')}`)
    .filter((request) => said(request) === request);
  assert.deepEqual(wordless, []);
});
