import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRequest, createRoot, issueCertificate, type Root } from './authority.ts';
import { type Credentials, createIdentity, loadIdentity } from './node-identity.ts';

const DAY = 24 * 3_600_000;

describe('a node’s identity on disk', () => {
  let folder: string;
  let root: Root;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'essaim-identity-'));
    root = await createRoot(Date.now());
  });
  after(() => rm(folder, { recursive: true }));

  async function credentials(nodeId = 'node1', clusterId = 'cluster1'): Promise<Credentials> {
    const { csr, key } = await createRequest();
    const notAfter = Date.now() + DAY;
    const holder = { nodeId, clusterId, role: 'worker', notBefore: Date.now() - DAY, notAfter } as const;
    return { key, certificate: issueCertificate(root, csr, holder), roots: root.cert };
  }

  test('is the same after a restart, and for its owner alone', async () => {
    const path = join(folder, 'same');
    const written = await createIdentity(path, await credentials());
    const read = await loadIdentity(path);
    assert.deepEqual(read?.credentials, written.credentials);
    assert.deepEqual(read?.certificate, written.certificate);
    assert.deepEqual(await readdir(path), ['identity.json']);
    assert.equal((await stat(join(path, 'identity.json'))).mode & 0o777, 0o600);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  });

  test('is undefined where there is none', async () => {
    assert.equal(await loadIdentity(join(folder, 'nowhere')), undefined);
  });

  test('changes as a whole, in order, and tells', async () => {
    const path = join(folder, 'changes');
    const identity = await createIdentity(path, await credentials());
    let told = 0;
    const forget = identity.onChange(() => told++);
    const next = await credentials();
    const other = await createRoot(Date.now());
    await Promise.all([
      identity.update(next),
      identity.update({ roots: root.cert + other.cert }),
      identity.update({}),
    ]);
    assert.equal(told, 2);
    forget();
    assert.deepEqual(identity.credentials, { ...next, roots: root.cert + other.cert });
    assert.deepEqual((await loadIdentity(path))?.credentials, identity.credentials);
  });

  test('refuses what does not fit, and stays as it was', async () => {
    const path = join(folder, 'refuses');
    const identity = await createIdentity(path, await credentials());
    const was = identity.credentials;
    const { key } = await createRequest();
    await assert.rejects(identity.update({ key }), /not the certificate’s/);
    await assert.rejects(identity.update({ roots: '' }), /no root/);
    await assert.rejects(identity.update(await credentials('node2')), /node2/);
    await assert.rejects(identity.update(await credentials('node1', 'cluster2')), /cluster2/);
    assert.equal(identity.credentials, was);
    assert.deepEqual((await loadIdentity(path))?.credentials, was);
  });

  test('names the file and what to do when it is damaged', async () => {
    const path = join(folder, 'damaged');
    await createIdentity(path, await credentials());
    const file = join(path, 'identity.json');
    const text = await readFile(file, 'utf8');
    const { key } = await createRequest();
    for (const bad of ['', text.slice(0, 200), '{}', JSON.stringify({ ...JSON.parse(text), key })]) {
      await writeFile(file, bad);
      await assert.rejects(loadIdentity(path), (error: Error) => {
        assert.ok(error.message.includes(file));
        assert.match(error.message, /join again/);
        return true;
      });
    }
  });

  test('is a usable pair whenever the process is killed', async () => {
    const path = join(folder, 'killed');
    const [a, b] = [await credentials(), await credentials()];
    await createIdentity(path, a);
    const module = new URL('./node-identity.ts', import.meta.url).href;
    const script = `
      const { loadIdentity } = await import(${JSON.stringify(module)});
      const identity = await loadIdentity(${JSON.stringify(path)});
      const pairs = ${JSON.stringify([a, b])};
      process.stdout.write('ready');
      for (let n = 1; ; n++) await identity.update(pairs[n % 2]);`;
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, 20 * round));
      child.kill('SIGKILL');
      await once(child, 'close');
      const identity = await loadIdentity(path);
      assert.ok([a.key, b.key].includes(identity!.credentials.key));
    }
  });
});
