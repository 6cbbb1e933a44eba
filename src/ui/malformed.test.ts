/** What no client of ours sends: bodies of every other shape, at every route that takes one. It is refused or means nothing, and no more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRANTS } from '../access/grants.ts';
import { sampleConfig, sampleSecret, sampleService } from '../store/samples.ts';
import { TestPort } from './testing/port.ts';

const anchors = [...'bcdefghij'].map(
  (name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`)}]`,
);
/** Lists of lists of the same: some 10⁹ items, were they written out. */
const BOMB = ['a: &a [x]', ...anchors, 'services: *j'].join('\n');
const stack = (files: object): string => JSON.stringify({ name: 'shop', files });

const BODIES: Record<string, string | Buffer> = {
  'no object': 'null',
  'a list': '[]',
  'lists in lists': '['.repeat(100_000) + ']'.repeat(100_000),
  'objects in objects': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
  'no UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'names that objects have': '{"__proto__":{"role":"administrator"},"constructor":{"prototype":{}}}',
  'other types':
    '{"name":{},"Name":[],"files":1,"nodes":"x","images":7,"password":null,"role":[],"stacks":{},"Labels":[],"TaskTemplate":"x","Spec":1,"base":"x","image":[],"scope":9,"Data":5}',
  'nothing in each':
    '{"name":null,"Name":null,"files":null,"nodes":null,"Labels":null,"TaskTemplate":null,"Data":null}',
  'a file that is none': stack({ 'compose.yaml': 5, '../x': 'y' }),
  'a file that holds itself': stack({ 'compose.yaml': 'services: &a\n  web: *a\n' }),
  'a file that unfolds': stack({ 'compose.yaml': BOMB }),
};

test('no body of another shape fails a request or takes long', { timeout: 110_000 }, async () => {
  await using port = await TestPort.start();
  await port.cluster.put(
    { op: 'put', kind: 'service', object: sampleService('own', 'shop_own') },
    { op: 'put', kind: 'config', object: sampleConfig('c', 'aHVzaA==') },
    { op: 'put', kind: 'secret', object: sampleSecret('s', 'aHVzaA==') },
  );
  const wrong: string[] = [];
  for (const { method, path, lasting, tries } of GRANTS) {
    // Passwords are checked with a pause that grows.
    if (method === 'GET' || method === 'HEAD' || method === 'DELETE' || lasting || tries) continue;
    for (const [what, body] of Object.entries(BODIES)) {
      const url = path.replace(/\{[^}]+\}/g, 'own');
      const { status } = await port.ask(method, url, { as: 'administrator', body: Buffer.from(body) });
      if (status === 500) wrong.push(`${method} ${url}, ${what}: ${status}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal((await port.ask('GET', '/services', { as: 'administrator' })).status, 200);
});
