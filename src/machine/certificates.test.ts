import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { renewUserCertificate, serverFiles } from './certificates.ts';
import { run } from './exec.ts';

const DAY = 24 * 3_600_000;
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'essaim-certificates-'));
  process.env.ESSAIM_HOME = home;
});

afterEach(() => rm(home, { recursive: true }));

const machine = (name: string) => ({ name, address: '203.0.113.7', directory: join(home, 'machines', name) });
const pem = (...path: string[]) => readFile(join(home, ...path), 'utf8');
const certificate = async (...path: string[]) => new X509Certificate(await pem(...path));

test("a machine has the user's certificate and one of its own, by one authority", async () => {
  const files = await serverFiles(machine('one'));
  const authority = await certificate('certs/ca.pem');
  for (const each of ['cert.pem', 'server.pem'])
    assert.ok((await certificate('machines/one', each)).verify(authority.publicKey), each);
  assert.deepEqual(await serverFiles(machine('one')), files);
  await serverFiles(machine('two'));
  assert.equal(await pem('machines/two/cert.pem'), await pem('machines/one/cert.pem'));
});

test('what is about to end is made anew, that of the user as well; the authority stays', async (t) => {
  await serverFiles(machine('one'));
  const [ca, before, server] = [
    await pem('certs/ca.pem'),
    await pem('certs/cert.pem'),
    await pem('machines/one/server.pem'),
  ];
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 980 * DAY });
  await serverFiles(machine('one'));
  assert.equal(await pem('certs/cert.pem'), before);
  t.mock.timers.setTime(Date.now() + 20 * DAY);
  await serverFiles(machine('one'));
  assert.equal(await pem('certs/ca.pem'), ca);
  assert.notEqual(await pem('certs/cert.pem'), before);
  assert.notEqual(await pem('machines/one/server.pem'), server);
  assert.equal(await pem('machines/one/cert.pem'), await pem('certs/cert.pem'));
});

test('the user gets another one when they ask for it', async () => {
  await serverFiles(machine('one'));
  const [ca, before] = [await pem('certs/ca.pem'), await pem('certs/cert.pem')];
  await renewUserCertificate();
  assert.equal(await pem('certs/ca.pem'), ca);
  assert.notEqual(await pem('certs/cert.pem'), before);
});

test("an authority of the user's own is used, such as docker-machine made", async () => {
  await mkdir(join(home, 'certs'));
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1080', '-subj', '/O=ann.example'],
    ...['-keyout', join(home, 'certs/ca-key.pem'), '-out', join(home, 'certs/ca.pem')],
  ]);
  const key = join(home, 'certs/ca-key.pem');
  await run('openssl', ['rsa', '-traditional', '-in', key, '-out', key]);
  const ca = await pem('certs/ca.pem');
  const files = await serverFiles(machine('one'));
  assert.equal(files['ca.pem'], ca);
  for (const each of ['cert.pem', 'server.pem'])
    assert.ok((await certificate('machines/one', each)).verify(new X509Certificate(ca).publicKey), each);
});
