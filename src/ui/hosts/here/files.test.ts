/** Files of a volume: what is in it, and nothing that links in it lead to. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { readAll } from '../../../engine/client.ts';
import { contentOf, filesOf, putFile } from './files.ts';

describe('files of a volume', () => {
  let folder: string;
  let root: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'essaim-files-'));
    root = join(folder, 'volume');
    await mkdir(join(root, 'sub'), { recursive: true });
    await writeFile(join(folder, 'outside'), 'secret');
    await writeFile(join(root, 'hello.txt'), 'hello');
    await writeFile(join(root, 'sub', 'empty'), '');
    await symlink(join(folder, 'outside'), join(root, 'out'));
    await symlink(folder, join(root, 'up'));
    await symlink('hello.txt', join(root, 'inside'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const text = async (path: string): Promise<string> =>
    (await readAll((await contentOf(root, path)).stream)).toString();

  test('a folder is listed, folders first, links as links', async () => {
    const rows = await filesOf(root, '');
    assert.deepEqual(
      rows.map(({ name, type }) => [name, type]),
      [
        ['sub', 'folder'],
        ['hello.txt', 'file'],
        ['inside', 'link'],
        ['out', 'link'],
        ['pipe', 'other'],
        ['up', 'link'],
      ],
    );
    assert.equal(rows.find(({ name }) => name === 'inside')?.target, 'hello.txt');
    assert.deepEqual(
      (await filesOf(root, 'sub')).map(({ name, size }) => [name, size]),
      [['empty', 0]],
    );
  });

  test('a file is read, an empty one too, and by a link that stays inside', async () => {
    assert.equal(await text('hello.txt'), 'hello');
    assert.equal(await text('/sub/empty'), '');
    assert.equal(await text('inside'), 'hello');
  });

  for (const path of ['out', 'up/outside', 'up'])
    test(`${path} leads out of the volume`, async () => {
      const refused = { name: 'ApiError', status: 400, message: `${path} leads out of the volume` };
      await assert.rejects(text(path), refused);
      await assert.rejects(filesOf(root, path), refused);
    });

  test('what is no file is not read, what is no path is refused, what is not there is not found', async () => {
    await assert.rejects(text('pipe'), { status: 400, message: 'pipe is no ordinary file' });
    await assert.rejects(text('sub'), { status: 400 });
    await assert.rejects(filesOf(root, 'hello.txt'), { status: 400 });
    for (const path of ['..', 'sub/../../outside', 'a\0b']) await assert.rejects(text(path), { status: 400 });
    for (const path of ['nothing', 'hello.txt/x']) await assert.rejects(text(path), { status: 404 });
    await assert.rejects(filesOf(join(folder, 'none'), ''), { status: 404 });
  });

  test('a file is put in: a new one, and in place of one, whose mode stays', async () => {
    const put = (path: string, ...parts: string[]) => putFile(root, path, Readable.from(parts));
    await put('sub/new', 'all', ' of it');
    assert.equal(await text('sub/new'), 'all of it');
    await chmod(join(root, 'sub/new'), 0o640);
    await put('/sub/new', 'other');
    assert.equal(await text('sub/new'), 'other');
    assert.equal((await stat(join(root, 'sub/new'))).mode & 0o777, 0o640);
    await put('sub/nothing');
    assert.equal(await text('sub/nothing'), '');
  });

  test('nothing is put where a link leads, in place of what is no file, or where no folder is', async () => {
    const put = (path: string) => putFile(root, path, Readable.from(['evil']));
    await assert.rejects(put('up/outside'), { status: 400, message: 'up leads out of the volume' });
    for (const path of ['out', 'inside', 'pipe', 'sub'])
      await assert.rejects(put(path), {
        status: 400,
        message: `${path} is there, and no ordinary file`,
      });
    await assert.rejects(put('hello.txt/x'), { status: 400, message: 'hello.txt is no folder' });
    await assert.rejects(put('nothing/x'), { status: 404 });
    for (const path of ['', '/', '../x', 'a\0b'])
      await assert.rejects(async () => put(path), { status: 400 }, path);
    assert.equal(await readFile(join(folder, 'outside'), 'utf8'), 'secret');
  });

  test('of what breaks off nothing stays, and what was there does', async () => {
    await putFile(root, 'sub/kept', Readable.from(['as it was']));
    const broken = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('the client is gone');
      })(),
    );
    await assert.rejects(putFile(root, 'sub/kept', broken), /the client is gone/);
    assert.equal(await text('sub/kept'), 'as it was');
    assert.deepEqual(
      (await readdir(join(root, 'sub'))).filter((name) => name.endsWith('.part')),
      [],
    );
  });
});
