import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../model/errors.ts';
import { formatToken, newToken, parseToken, rootDigest } from './token.ts';

test('a token as Docker makes it for this root', () => {
  const token = 'SWMTKN-1-25hnsprubcap6af3uwu39s27xatrduuiaaiyaajh51eathjon9-d0noofrb9qvuq0d2obmd4d65p';
  assert.deepEqual(parseToken(token), {
    digest: '565d0bed487978cc811236981fbcf895c32c1a9901e9edb8d57bfe34afa96885',
    secret: 'd0noofrb9qvuq0d2obmd4d65p',
  });
});

test('what is no token', () => {
  const good = newToken('root');
  const cases: Array<[string, string]> = [
    ['', 'invalid join token'],
    ['x', 'invalid join token'],
    [good.slice(0, -1), 'invalid join token'],
    [`${good}a`, 'invalid join token'],
    [` ${good}`, 'invalid join token'],
    [`${good}\n`, 'invalid join token'],
    [good.toUpperCase(), 'invalid join token'],
    [good.replace('-1-', '-2-'), 'invalid join token'],
    [good.replace('SWMTKN', 'SWMKEY'), 'invalid join token'],
    [`SWMTKN-1-${'z'.repeat(50)}-${'0'.repeat(25)}`, 'invalid checksum digest length'],
  ];
  for (const [text, message] of cases)
    assert.throws(
      () => parseToken(text),
      (error) => error instanceof ApiError && error.message === message,
      text,
    );
});

test('every token reads back as what it was made of', () => {
  const digit = fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz');
  const token = fc.record({
    digest: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('hex')),
    secret: fc.string({ unit: digit, minLength: 25, maxLength: 25 }),
  });
  fc.assert(
    fc.property(token, (parts) => {
      const text = formatToken(parts);
      assert.equal(text.length, 85);
      assert.deepEqual(parseToken(text), { ...parts });
    }),
  );
});

test('any other text either is refused or is the one spelling of a token', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^SWMTKN-1-[0-9a-z]{49,51}-[0-9a-z]{24,26}$/)),
      (text) => {
        let parts: ReturnType<typeof parseToken>;
        try {
          parts = parseToken(text);
        } catch (error) {
          assert.ok(error instanceof ApiError);
          return;
        }
        assert.equal(formatToken(parts), text);
      },
    ),
  );
});

test('a new token pins its root', () => {
  assert.equal(parseToken(newToken('root')).digest, rootDigest('root'));
  assert.notEqual(newToken('root'), newToken('root'));
});
