/** Judged apart from the table itself: what the walk through all routes (ui/server.test.ts) takes from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Right } from './actor.ts';
import { GRANTS, type Grant } from './grants.ts';

const isRead = ({ method }: Grant): boolean => method === 'GET' || method === 'HEAD';
const named = ({ method, path }: Grant): string => `${method} ${path}`;
const takes = (...rights: Right[]) => {
  const wanted = new Set(rights);
  return ({ right }: Grant): boolean => wanted.has(right);
};

test('without a right to change anything one changes what is one’s own, and nothing else', () => {
  const found = GRANTS.filter((grant) => !isRead(grant)).filter(takes('open', 'own', 'self', 'wall', 'see'));
  assert.deepEqual(found.map(named).sort(), [
    'DELETE /essaim/session',
    'DELETE /essaim/sessions/{id}',
    'DELETE /essaim/tokens/{name...}',
    // It is asked for by POST, as its question is long, and changes nothing.
    'POST /essaim/compose/check',
    'POST /essaim/password',
    'POST /essaim/session',
    'POST /essaim/setup',
    'POST /essaim/tokens',
  ]);
});

test('whoever may only read changes nothing, not even what is their own', () => {
  const found = GRANTS.filter((grant) => !isRead(grant)).filter(takes('own', 'wall', 'see'));
  assert.deepEqual(found.map(named), ['POST /essaim/compose/check']);
});

test('before anybody is signed in there is the way in, and nothing else', () => {
  assert.deepEqual(GRANTS.filter(takes('open')).map(named).sort(), [
    'GET /essaim/setup',
    'POST /essaim/session',
    'POST /essaim/setup',
  ]);
});

/** Words of paths behind which there are keys, files or processes of others. */
const SECRET =
  /unlock|^\/swarm$|archive|export|files?$|\/exec|attach|top$|changes$|images\/get|\{name\.\.\.\}\/get$|versions|revisions|audit|users|walls|registries/;

test('reading what may be secret takes more than to look', () => {
  const found = GRANTS.filter((grant) => isRead(grant) && SECRET.test(grant.path));
  assert.ok(found.length > 20);
  assert.deepEqual(found.filter(takes('open', 'own', 'self', 'wall', 'see')).map(named), []);
});

test('what is run in a container, or put into it, takes the right to get into it at the least', () => {
  const found = GRANTS.filter(
    (grant) =>
      !isRead(grant) && /^\/(containers\/.*\/(exec|attach|archive|resize|wait)|exec\/)/.test(grant.path),
  );
  assert.ok(found.length > 3);
  assert.deepEqual(found.filter((grant) => !takes('console', 'operate')(grant)).map(named), []);
});

test('accounts are changed by those who may change accounts', () => {
  const found = GRANTS.filter((grant) => grant.path.startsWith('/essaim/users'));
  assert.ok(found.length > 2);
  assert.deepEqual(found.filter((grant) => !takes('accounts')(grant)).map(named), []);
});
