import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, passwordProblem, verifyPassword } from './password.ts';

test('a password is known by its hash and by nothing else', async () => {
  const hashed = await hashPassword('a swarm of many bees');
  assert.match(hashed, /^argon2id\$19456\$2\$1\$/);
  assert.ok(!hashed.includes('bees'));
  assert.equal(await verifyPassword('a swarm of many bees', hashed), true);
  assert.equal(await verifyPassword('a swarm of many beez', hashed), false);
  assert.notEqual(await hashPassword('a swarm of many bees'), hashed, 'each has a salt of its own');
});

test('one spelling of what looks the same', async () => {
  const hashed = await hashPassword('d\u00e9j\u00e0 vu de la ruche');
  assert.equal(await verifyPassword('de\u0301ja\u0300 vu de la ruche', hashed), true);
});

test('where nobody has the name it takes as long, and is false', async () => {
  assert.equal(await verifyPassword('', undefined), false);
  const time = async (hashed: string | undefined) => {
    const start = process.cpuUsage();
    await verifyPassword('anything at all', hashed);
    return process.cpuUsage(start).user;
  };
  const hashed = await hashPassword('a swarm of many bees');
  const [known, unknown] = [await time(hashed), await time(undefined)];
  assert.ok(unknown > known / 3, `${unknown} µs beside ${known} µs`);
});

const refused: Array<[password: string, why: RegExp]> = [
  ['short', /at least 12 characters, this one has 5/],
  ['🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝🐝', /this one has 11/],
  ['x'.repeat(300), /at most 256/],
  ['aaaaaaaaaaaaaaa', /over and over/],
  ['123456789012', /counts/],
  ['password1234', /tried first/],
  ['Administrator1', /tried first/],
  ['portainer.2026', /tried first/],
  ['annTheAdmin-1', /name of the account/],
];
for (const [password, why] of refused) {
  test(`refused: ${password.slice(0, 20)}`, () => {
    assert.match(passwordProblem(password, 'anntheadmin') ?? '', why);
  });
}

test('long ones of any kind are taken', () => {
  for (const password of ['correct horse battery staple', 'Tr0ub4dor&3-and-more', 'пчелиный рой летит'])
    assert.equal(passwordProblem(password, 'ann'), undefined);
});
