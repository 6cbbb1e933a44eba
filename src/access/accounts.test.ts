import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../store/memory.ts';
import {
  addUser,
  changeUser,
  endSession,
  newSetupCode,
  newToken,
  removeToken,
  removeUser,
  SESSION_IDLE,
  sessionEnds,
  setUp,
  signIn,
} from './accounts.ts';
import { digest } from './secret.ts';

const PASSWORD = 'a swarm of many bees';
const FROM = { address: '10.0.0.9', agent: 'a browser' };

function keeper() {
  const at = { store: openMemoryStore(), time: 1_000_000, now: () => at.time };
  return at;
}

async function withAnn() {
  const at = keeper();
  await addUser(at, { name: 'ann', password: PASSWORD, role: 'administrator' });
  return at;
}

const status = (code: number) => (error: Error) => (error as { status?: number }).status === code;

test('the first account is made with the code, by one of many who try at once', async () => {
  const at = keeper();
  const old = await newSetupCode(at);
  const code = await newSetupCode(at);
  await assert.rejects(setUp(at, { code: old, name: 'eve', password: PASSWORD }), status(403));
  const tries = await Promise.allSettled(
    ['ann', 'bob', 'cid'].map((name) => setUp(at, { code, name, password: PASSWORD })),
  );
  assert.equal(tries.filter((each) => each.status === 'fulfilled').length, 1);
  for (const each of tries) if (each.status === 'rejected') assert.ok(status(409)(each.reason));
  assert.equal(at.store.view.count('user'), 1);
  assert.equal(at.store.view.count('accessToken'), 0, 'the code is used up');
  await assert.rejects(newSetupCode(at), status(409));
});

test('a code may be typed in capitals, with spaces around it', async () => {
  const at = keeper();
  const code = await newSetupCode(at);
  assert.match(code, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
  await setUp(at, { code: ` ${code.toUpperCase()} `, name: 'ann', password: PASSWORD });
});

test('a session is known by the digest of what the browser has', async () => {
  const at = await withAnn();
  const { secret, kept } = await signIn(at, { name: 'ann', password: PASSWORD, ...FROM });
  assert.equal(kept.ID, digest(secret));
  assert.ok(!JSON.stringify([...at.store.view.all('session')]).includes(secret));
  assert.equal(sessionEnds(kept), at.time + SESSION_IDLE);
  await endSession(at, kept.ID);
  await endSession(at, kept.ID);
  assert.equal(at.store.view.count('session'), 0);
});

test('a wrong name and a wrong password are answered alike', async () => {
  const at = await withAnn();
  const wrong = { name: 'ann', password: 'not that one at all', ...FROM };
  for (const each of [wrong, { ...wrong, name: 'nobody' }, { ...wrong, name: '__proto__' }])
    await assert.rejects(signIn(at, each), { status: 401, message: 'the name or the password is wrong' });
});

test('sessions that have ended go with the next sign-in', async () => {
  const at = await withAnn();
  await signIn(at, { name: 'ann', password: PASSWORD, ...FROM });
  at.time += SESSION_IDLE + 1;
  await signIn(at, { name: 'ann', password: PASSWORD, ...FROM });
  assert.equal(at.store.view.count('session'), 1);
});

test('a change of password, role or ability ends the account’s sessions, but for the one that asked', async () => {
  const at = await withAnn();
  await addUser(at, { name: 'bob', password: PASSWORD, role: 'viewer' });
  const sign = (name: string) => signIn(at, { name, password: PASSWORD, ...FROM });
  const [first, second, other] = [await sign('bob'), await sign('bob'), await sign('ann')];
  await changeUser(at, 'bob', { role: 'operator' }, second.kept.ID);
  assert.deepEqual(
    [first, second, other].map(({ kept }) => at.store.view.get('session', kept.ID) !== undefined),
    [false, true, true],
  );
  await changeUser(at, 'bob', { disabled: true });
  await assert.rejects(sign('bob'), status(401));
});

test('a password that was changed while it was checked opens nothing', async () => {
  const at = await withAnn();
  const [session] = await Promise.allSettled([
    signIn(at, { name: 'ann', password: PASSWORD, ...FROM }),
    changeUser(at, 'ann', { password: 'quite another sentence' }),
  ]);
  const sessions = at.store.view.count('session');
  assert.ok(session.status === 'rejected' || sessions === 0, 'the session is not there or has ended');
});

test('the last administrator stays one', async () => {
  const at = await withAnn();
  await assert.rejects(removeUser(at, 'ann'), status(409));
  await assert.rejects(changeUser(at, 'ann', { role: 'viewer' }), status(409));
  await assert.rejects(changeUser(at, 'ann', { disabled: true }), status(409));
  await addUser(at, { name: 'bob', password: PASSWORD, role: 'administrator' });
  await Promise.allSettled([removeUser(at, 'ann'), removeUser(at, 'bob')]);
  assert.equal(at.store.view.count('user'), 1);
});

test('tokens are shown once, go with their account, and can be withdrawn', async () => {
  const at = await withAnn();
  await addUser(at, { name: 'bob', password: PASSWORD, role: 'operator' });
  const { secret, kept } = await newToken(at, { user: 'bob', name: 'ci', scope: 'read' });
  assert.match(secret, /^essaim_[\w-]{43}$/);
  assert.equal(kept.ID, digest(secret));
  await assert.rejects(newToken(at, { user: 'bob', name: 'ci', scope: 'all' }), status(409));
  await assert.rejects(newToken(at, { user: 'nobody', name: 'ci', scope: 'all' }), status(404));
  await removeToken(at, 'bob', 'ci');
  await assert.rejects(removeToken(at, 'bob', 'ci'), status(404));
  await newToken(at, { user: 'bob', name: 'ci', scope: 'all' });
  await removeUser(at, 'bob');
  assert.equal(at.store.view.count('accessToken'), 0);
});

test('names are plain, roles are known', async () => {
  const at = keeper();
  for (const name of ['', 'Ann', 'a b', '../x', 'x'.repeat(64), '__proto__'])
    await assert.rejects(addUser(at, { name, password: PASSWORD, role: 'viewer' }), status(400), name);
  await assert.rejects(
    addUser(at, { name: 'ann', password: PASSWORD, role: 'king' as 'viewer' }),
    status(400),
  );
});
