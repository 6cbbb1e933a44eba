/** What a browser has to load: the first page, and each part that is loaded when it is opened. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';

const DIST = new URL('../../web/dist/', import.meta.url);
/** Bytes, compressed by gzip. */
const FIRST = 160_000;
const PART = 180_000;

const size = async (name: string): Promise<number> => (await stat(new URL(`assets/${name}.gz`, DIST))).size;

test('the first page is within 160 kB, each further part within 180 kB', async () => {
  const page = await readFile(new URL('index.html', DIST), 'utf8');
  const first = [...page.matchAll(/assets\/([^"]+\.(?:js|css))/g)].map(([, name]) => name!);
  const sizes = await Promise.all(first.map(size));
  const total = sizes.reduce((sum, each) => sum + each, 0);
  assert.ok(total <= FIRST, `the first page is ${total} bytes: ${first.join(', ')}`);
  const names = await readdir(new URL('assets/', DIST));
  for (const name of names.filter((each) => /\.(js|css)$/.test(each)))
    assert.ok((await size(name)) <= PART, `${name} is ${await size(name)} bytes`);
});
