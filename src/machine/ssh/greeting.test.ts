import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterGreeting, BEGIN, withoutGreeting } from './greeting.ts';

test("what a shell says when somebody logs in is not the script's", () => {
  const greeted = `Last login: monday\nengine=20.10\n${BEGIN}\nengine=24.0\n`;
  assert.equal(withoutGreeting(greeted), 'engine=24.0\n');
  // A script that could not begin, without a password for sudo for example, has said nothing of ours.
  assert.equal(withoutGreeting('sudo: a password is required\n'), 'sudo: a password is required\n');
});

test('in bytes that come in any pieces a greeting ends at the same place', async () => {
  const bytes = fc.uint8Array({ maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(bytes, bytes, fc.array(fc.nat({ max: 140 })), async (greeting, body, cuts) => {
      const all = Buffer.concat([greeting, Buffer.from(`${BEGIN}\n`), body]);
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
      async function* pieces() {
        for (const [i, place] of places.slice(1).entries()) yield all.subarray(places[i], place);
      }
      assert.deepEqual(await buffer(afterGreeting(pieces())), Buffer.from(body));
    }),
  );
  async function* refusal() {
    yield Buffer.from('no shell for you\n');
  }
  assert.equal((await buffer(afterGreeting(refusal()))).length, 0);
});
