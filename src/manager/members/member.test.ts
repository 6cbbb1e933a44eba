import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { createRequest, createRoot, crossSign, issueCertificate } from '../../identity/authority.ts';
import { eventually, type MemberHost, MemberHosts, PORT } from '../peers/testing/hosts.ts';
import { runningIn } from './child.ts';
import { MemberError, startMember, wipeMember } from './member.ts';
import { peerFiles } from './peer-files.ts';
import { FolderError } from './record.ts';

const put = (host: MemberHost, key: string) =>
  host.member.client.txn({
    compare: [],
    success: [{ request_put: { key, value: Buffer.from(key) } }],
    failure: [],
  });

/** What the etcd of that host answers to whoever has that certificate; rejects if it does not let them in. */
async function ask(
  host: MemberHost,
  { cert, key, ca }: { cert: string; key: string; ca: string },
): Promise<{ text: string; certificate: PeerCertificate }> {
  const socket = connect({ host: host.address, port: PORT, cert, key, ca });
  try {
    await once(socket, 'secureConnect');
    socket.write(`GET /members HTTP/1.1\r\nHost: ${host.address}\r\n\r\n`);
    const [text] = (await once(socket, 'data')) as [Buffer];
    return { text: text.toString(), certificate: socket.getPeerCertificate() };
  } finally {
    socket.destroy();
  }
}

describe('members of etcd', () => {
  let hosts: MemberHosts;
  before(async () => {
    hosts = await MemberHosts.create();
  });
  after(() => hosts.close());

  test('one begins, others join, and nobody but managers gets in', async () => {
    const one = await hosts.found();
    await put(one, 'a');
    const two = await hosts.grow(one);
    const three = await hosts.grow(one);
    assert.deepEqual(
      (await three.member.client.memberList({ linearizable: true })).map(({ name }) => name).sort(),
      ['node1', 'node2', 'node3'],
    );
    assert.equal((await three.member.client.range({ key: 'a' })).kvs.length, 1);
    assert.equal(two.member.clusterId, one.member.clusterId);
    assert.equal((await two.member.client.status()).header?.member_id, two.member.memberId);
    assert.equal((await stat(one.folder)).mode & 0o777, 0o700);

    const ca = hosts.root.cert;
    const own = await readFile(join(two.certificates, 'peer.pem'), 'utf8');
    assert.match((await ask(one, { cert: own, key: own, ca })).text, /node2/);
    const { csr, key } = await createRequest();
    const now = Date.now();
    const holder = { nodeId: 'w', role: 'worker', clusterId: 'c1', address: '127.0.0.1' } as const;
    const cert = issueCertificate(hosts.root, csr, {
      ...holder,
      notBefore: now - 1000,
      notAfter: now + 60_000,
    });
    await assert.rejects(ask(one, { cert, key, ca }), /ECONNRESET|bad certificate|socket/i);
  });

  test('a renewed certificate is used at once, without a restart', async () => {
    const [one, two] = hosts.hosts as [MemberHost, MemberHost];
    const pid = await one.pid();
    await one.certify();
    const ca = hosts.root.cert;
    const own = await readFile(join(two.certificates, 'peer.pem'), 'utf8');
    const renewed = await readFile(join(one.certificates, 'peer.pem'), 'utf8');
    const { certificate } = await ask(one, { cert: own, key: own, ca });
    const body = certificate.raw
      .toString('base64')
      .match(/.{1,64}/g)!
      .join('\n');
    assert.ok(renewed.includes(body));
    assert.equal(await one.pid(), pid);
    assert.equal(await one.member.rootsChanged(), false);
  });

  test('a new root is accepted without a restart, which only the old one needs to be dropped', async () => {
    const [one, two] = hosts.hosts as [MemberHost, MemberHost];
    const root = await createRoot(Date.now());
    const both = hosts.root.cert + root.cert;
    const pids = [await one.pid(), await two.pid()];
    await one.certify(one.address, root, both, crossSign(root, hosts.root));
    const fresh = await readFile(join(one.certificates, 'peer.pem'), 'utf8');
    // The others know the old root alone.
    assert.match((await ask(two, { cert: fresh, key: fresh, ca: hosts.root.cert })).text, /node1/);
    assert.deepEqual([await one.pid(), await two.pid()], pids);
    assert.deepEqual([await one.member.rootsChanged(), await two.member.rootsChanged()], [true, false]);
    await one.member.restart();
    await one.member.ready();
    assert.equal(await one.member.rootsChanged(), false);
    await put(one, 'rotated');
    await one.certify();
    await one.member.restart();
  });

  test('the next daemon adopts it, unless it has to be another one', async () => {
    const two = hosts.hosts[1]!;
    const { memberId } = two.member;
    const pid = await two.pid();
    two.endDaemon();
    await two.start({ mode: 'again' });
    assert.equal(await two.pid(), pid);
    assert.equal(two.member.memberId, memberId);
    await put(two, 'b');

    // Also one that stands still, since nothing can be asked of it.
    two.endDaemon();
    await two.signal('SIGSTOP');
    await two.start({ mode: 'again' });
    const another = await two.pid();
    assert.notEqual(another, pid);
    await two.member.ready();
    await put(two, 'c');

    two.endDaemon();
    const other = { cert: join(two.certificates, 'peer.pem'), key: join(two.certificates, 'peer.pem') };
    await two.start({ mode: 'again' }, { peerPort: PORT + 1 });
    assert.notEqual(await two.pid(), another);
    await two.member.restart({ peerPort: PORT, files: { ...other, ca: peerFiles(two.certificates).ca } });
    await two.member.ready();
    await put(two, 'd');
    assert.deepEqual(two.ends, []);
  });

  test('one that was killed is told, and comes back by itself, adopted or not', async () => {
    const three = hosts.hosts[2]!;
    const began = await three.pid();
    await three.signal('SIGKILL');
    await eventually(async () => assert.notEqual((await three.pid()) ?? began, began));
    await three.member.ready();
    assert.deepEqual(
      three.ends.map(({ reason }) => reason),
      ['killed'],
    );

    three.endDaemon();
    await three.start({ mode: 'again' });
    const adopted = await three.pid();
    await three.signal('SIGKILL');
    await eventually(async () => assert.notEqual((await three.pid()) ?? adopted, adopted));
    await three.member.ready();
    assert.equal(three.ends.length, 2);
    await put(three, 'e');
  });

  test('an old folder that was put back is told as such, and not started for ever', async () => {
    const [one, , three] = hosts.hosts as [MemberHost, MemberHost, MemberHost];
    await three.member.stop();
    assert.equal((await three.member.ended).reason, 'stopped');
    const copy = `${three.folder}.copy`;
    await cp(three.folder, copy, { recursive: true });
    await three.start({ mode: 'again' });
    for (let turn = 0; turn < 20; turn++) await put(one, `later${turn}`);
    await three.member.ready();
    await eventually(async () =>
      assert.equal((await three.member.client.range({ key: 'later19' })).kvs.length, 1),
    );
    await three.member.stop();
    await rm(three.folder, { recursive: true });
    await cp(copy, three.folder, { recursive: true });
    await three.start({ mode: 'again' });
    const { reason, next, message, log } = await three.member.ended;
    assert.deepEqual([reason, next], ['outdated', 'rejoin']);
    assert.match(message, /put back from a copy.*promoted again/);
    assert.ok(log.length > 0);
    assert.equal(await three.pid(), undefined);
    await assert.rejects(three.member.ready(), /put back from a copy/);
  });

  test('one that was removed ends, and its folder is wiped for a new one', async () => {
    const [one, two, three] = hosts.hosts as [MemberHost, MemberHost, MemberHost];
    await eventually(() => one.member.client.memberRemove({ ID: three.member.memberId }));
    await eventually(() => one.member.client.memberRemove({ ID: two.member.memberId }));
    const { reason, next, message } = await two.member.ended;
    assert.deepEqual([reason, next], ['removed', 'rejoin']);
    assert.match(message, /removed this one/);
    await assert.rejects(two.start({ mode: 'new', token: 'x' }), /must be wiped/);
    await wipeMember(two.folder);
    await assert.rejects(two.start({ mode: 'again' }), /there is no member of etcd in .*promoted again/);
    await eventually(() => put(one, 'f'));
  });

  test('data that is missing, another member’s, or no member’s at all is not started', async () => {
    const one = hosts.hosts[0]!;
    await one.member.stop();
    const data = join(one.folder, 'data');
    await cp(data, `${data}.copy`, { recursive: true });
    await rm(data, { recursive: true });
    await assert.rejects(one.start({ mode: 'again' }), /the data of etcd is missing/);
    const other = await hosts.host();
    await other.start({ mode: 'new', token: 'other' });
    await other.member.stop();
    await cp(join(other.folder, 'data'), data, { recursive: true });
    await assert.rejects(one.start({ mode: 'again' }), (error) => {
      assert.match((error as Error).message, /has the data of another etcd/);
      return error instanceof FolderError && error.isForeign;
    });
    await rm(join(other.folder, 'member.json'));
    await assert.rejects(other.start({ mode: 'again' }), /has not become a manager/);
    await rm(data, { recursive: true });
    await cp(`${data}.copy`, data, { recursive: true });
    await writeFile(join(one.folder, 'localhost:2379'), '');
    await one.start({ mode: 'again' });
    await one.member.ready();
  });

  test('what keeps one from its first start is told, and nothing of it stays', async () => {
    const host = await hosts.host();
    const server = createServer().listen(PORT, host.address);
    await assert.rejects(host.start({ mode: 'new', token: 'x' }), (error) => {
      assert.ok(error instanceof MemberError);
      assert.equal(error.end.reason, 'port taken');
      assert.match(error.message, new RegExp(`${host.address}:2380 is taken by another program`));
      return true;
    });
    server.close();
    await assert.rejects(stat(join(host.folder, 'data')));

    const nowhere = [{ ID: 'ab', name: 'node9', peerURLs: ['https://127.0.0.99:9'], isLearner: false }];
    const own = { ID: 'cd', name: '', peerURLs: [host.url], isLearner: true };
    const join_ = { mode: 'join', memberId: 'cd', members: [...nowhere, own] } as const;
    await assert.rejects(host.start(join_), /none of the other managers can be reached/);
    const known = await hosts.hosts[0]!.member.client.memberList({ linearizable: true });
    await assert.rejects(
      host.start({ ...join_, members: [...known, own] }),
      /do not know this one as a member/,
    );
    await assert.rejects(
      host.start({ mode: 'new', token: 'x' }, { peerHost: '192.0.2.1' }),
      /192.0.2.1:2380 is not an address of this host/,
    );
    await host.start({ mode: 'new', token: 'x' });
    await put(host, 'x');
  });

  test('of two, of which one is lost for good, the other goes on alone', async () => {
    const one = hosts.hosts[0]!;
    const lost = await hosts.grow(one);
    const { memberId, clusterId } = one.member;
    await put(one, 'kept');
    lost.endDaemon();
    await lost.signal('SIGKILL');
    await one.member.restart();
    await assert.rejects(one.member.client.range({ key: 'kept' }));
    one.endDaemon();
    await one.start({ mode: 'forceNew' });
    assert.deepEqual([one.member.memberId, one.member.clusterId], [memberId, clusterId]);
    await put(one, 'more');
    assert.equal((await one.member.client.range({ key: 'kept' })).kvs.length, 1);
    const [process] = await runningIn(one.folder);
    assert.ok(process && !process.flags.includes('--force-new-cluster'));
    assert.deepEqual(
      (await one.member.client.memberList({ linearizable: true })).map(({ ID }) => ID),
      [memberId],
    );
    // The one that was lost comes back, and is told that it counts no more.
    await lost.start({ mode: 'again' });
    assert.equal((await lost.member.ended).reason, 'removed');
  });

  test('a folder is too long for a socket, a daemon has ended: both are told before anything is done', async () => {
    const host = await hosts.host();
    const options = {
      folder: join(host.folder, 'x'.repeat(100)),
      name: 'x',
      peerHost: host.address,
      peerPort: PORT,
      files: peerFiles(host.certificates),
      program: { path: '/bin/false', version: { major: 3, minor: 4, patch: 0 } },
      start: { mode: 'again' },
      clock: { now: Date.now, timer: () => () => {} },
      timeout: 1000,
      patience: 1000,
      onEnd: () => {},
    } as const;
    const { signal } = new AbortController();
    await assert.rejects(startMember({ ...options, signal }), /too long for the path of a socket/);
    await assert.rejects(startMember({ ...options, signal: AbortSignal.abort() }), /aborted/);
  });
});
