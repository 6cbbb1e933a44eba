import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frames, frame } from './frames.ts';
import { decode, encode, type Message, many, message, one } from './protobuf.ts';

interface Leaf {
  number: number;
  text: string;
  bytes: Buffer;
  flag: boolean;
  id: string;
}
const leaf = message<Leaf>({
  number: one(1, 'int'),
  text: one(2, 'text'),
  bytes: one(300, 'bytes'),
  flag: one(4, 'bool'),
  id: one(5, 'id'),
});

interface Tree {
  leaf?: Leaf;
  leaves: Leaf[];
  numbers: number[];
}
const tree: Message<Tree> = message<Tree>({
  leaf: one(1, () => leaf),
  leaves: many(2, () => leaf),
  numbers: many(15, 'int'),
});

const plain = { noNullPrototype: true };
const leaves = fc.record(
  {
    number: fc.maxSafeNat(),
    text: fc.string({ unit: 'grapheme' }),
    bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    flag: fc.boolean(),
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => (id === 0n ? '' : id.toString(16))),
  },
  plain,
);
const trees = fc.record(
  {
    leaf: fc.option(leaves, { nil: undefined }),
    leaves: fc.array(leaves, { maxLength: 4 }),
    numbers: fc.array(fc.maxSafeNat(), { maxLength: 4 }),
  },
  plain,
);

test('what is written is read again, whatever it is', () => {
  fc.assert(
    fc.property(trees, (given) => {
      const read = decode(tree, encode(tree, given));
      assert.deepEqual({ ...read, leaf: read.leaf }, given);
    }),
  );
});

test('bytes are as protocol buffers have them', () => {
  const value = { number: 150, text: 'testing', bytes: Buffer.from([1, 2]), flag: true, id: '12c' };
  assert.equal(
    encode(leaf, value).toString('hex'),
    '08960112077465737469' + '6e67e21202010220' + '01' + '28ac02',
  );
  assert.equal(encode(tree, { leaves: [], numbers: [3] }).toString('hex'), '7803');
});

test('fields that nobody knows are passed over, of each kind', () => {
  const known = encode(leaf, { number: 7, text: 'x', bytes: Buffer.alloc(0), flag: false, id: '' });
  const unknown = Buffer.from('5001' + '590102030405060708' + '6203616263' + '6d01020304', 'hex');
  assert.deepEqual(decode(leaf, Buffer.concat([unknown, known])), decode(leaf, known));
});

test('a message that is cut off is told', () => {
  const bytes = encode(leaf, { number: 1, text: 'some text', bytes: Buffer.alloc(3), flag: false, id: 'f' });
  for (const length of [1, 3, 5, bytes.length - 1]) {
    assert.throws(() => decode(leaf, bytes.subarray(0, length)), /cut off/);
  }
});

test('messages come whole out of parts of any size', () => {
  const messages = fc.array(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (given, sizes) => {
      const heard: Buffer[] = [];
      const frames = new Frames((each) => heard.push(Buffer.from(each)));
      const all = Buffer.concat(given.map(frame));
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        frames.push(all.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(heard, given);
    }),
  );
  assert.throws(() => new Frames(() => {}).push(Buffer.from([1, 0, 0, 0, 0])), /compressed/);
});

test('an id that is none is not written', () => {
  for (const id of ['g', '12345678901234567', '-1']) {
    assert.throws(
      () => encode(leaf, { number: 0, text: '', bytes: Buffer.alloc(0), flag: false, id }),
      /is no id/,
    );
  }
});
