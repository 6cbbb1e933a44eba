/** A root rotation with a real manager and real nodes. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterPort, describeHost, startClusterPort } from '../../test/support/cluster-port.ts';
import type { ManagerSession } from '../agent/contract.ts';
import { createManagerLink } from '../agent/link.ts';
import { type Renewal, startRenewal } from '../agent/renewal.ts';
import { createRequest, createRoot } from '../identity/authority.ts';
import { readNodeCertificate } from '../identity/certificate.ts';
import type { NodeIdentity } from '../identity/node-identity.ts';
import { certificatesIn } from '../identity/pem.ts';
import { rootDigest } from '../identity/token.ts';
import { systemClock } from '../model/clock.ts';
import type { ClusterSpec } from '../model/spec.ts';

/** A condition that other parties bring about. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, `waited in vain: ${what}`);
    await delay(10);
  }
}

describe('root rotation', () => {
  let port: ClusterPort;
  const running: Array<{ session: ManagerSession; renewal: Renewal }> = [];

  const cluster = () => [...port.store.view.all('cluster')][0]!;
  const update = (CAConfig: ClusterSpec['CAConfig']) =>
    port.authority.updateCluster({
      version: cluster().Version.Index,
      spec: { CAConfig },
      rotateWorkerToken: false,
      rotateManagerToken: false,
      rotateUnlockKey: false,
    });
  async function run(identity: NodeIdentity): Promise<ManagerSession> {
    const managers = () => [port.address];
    const onError = (error: unknown) => port.errors.push(error);
    const renewal = startRenewal({ identity, managers, clock: systemClock, random: Math.random, onError });
    const link = createManagerLink({
      identity,
      managers,
      learned: () => {},
      isEarlier: () => false,
      connectEngine: () => Promise.reject(new Error('no engine in this test')),
      checkNetworks: () => Promise.reject(new Error('not here')),
      renew: renewal.renewNow,
      onError,
    });
    const session = await link.open({ description: describeHost('h') }, new AbortController().signal);
    running.push({ session, renewal });
    return session;
  }
  const current = (identity: NodeIdentity) =>
    assert.deepEqual(
      port.store.view.get('node', identity.certificate.nodeId)?.Description?.TLSInfo,
      cluster().TLSInfo,
    );

  before(async () => {
    port = await startClusterPort();
    await run(port.identity);
  });
  after(async () => {
    for (const { session, renewal } of running) {
      session.close();
      await renewal.close();
    }
    await port.close();
    assert.deepEqual(port.errors, []);
  });

  test('from one root to the next, without dropping a session', async () => {
    const worker = await port.join();
    await run(worker);
    const sessions = [...port.sessions.open.values()].map(({ id }) => id);
    const away = await port.join();
    const oldToken = port.token();
    const oldRoot = cluster().internal.caCert;

    await update({ ForceRotate: 1 });
    assert.equal(cluster().RootRotationInProgress, true);
    assert.equal(cluster().TLSInfo.TrustRoot, oldRoot);
    assert.equal(port.token(), oldToken);
    const renewed = () =>
      [port.identity, worker].every(
        ({ certificate }) =>
          port.store.view.get('node', certificate.nodeId)?.Description?.TLSInfo.CertIssuerPublicKey ===
          cluster().TLSInfo.CertIssuerPublicKey,
      );
    await until('both connected nodes have new certificates', renewed);
    assert.equal(cluster().RootRotationInProgress, true, 'a node is still missing');

    // Who joins now knows only the old root, and so does who was away when it began.
    const joined = await port.join();
    await run(joined);
    assert.equal(away.credentials.roots, oldRoot);
    await run(away);

    await until('the rotation ends', () => !cluster().RootRotationInProgress);
    assert.notEqual(port.token(), oldToken);
    assert.equal(cluster().TLSInfo.TrustRoot, cluster().internal.caCert);
    assert.deepEqual(cluster().internal.oldRoots, []);
    // The etcd of a manager that has not been started since trusts the old root alone, and takes who was away.
    const { csr } = await createRequest();
    const address = '10.1.2.3';
    const member = await port.authority.certifyMember(port.identity.certificate.nodeId, { csr, address });
    const [leaf, between] = certificatesIn(member.certificate).map((pem) => new X509Certificate(pem));
    assert.ok(leaf!.verify(new X509Certificate(cluster().internal.caCert).publicKey));
    assert.ok(leaf!.verify(between!.publicKey));
    assert.ok(between!.verify(new X509Certificate(oldRoot).publicKey));
    assert.equal(member.roots, cluster().internal.caCert);
    assert.ok(port.token().includes('SWMTKN-1-'));
    await until('every node trusts the new root alone', () =>
      [port.identity, worker, joined, away].every(
        ({ credentials }) => credentials.roots === cluster().internal.caCert,
      ),
    );
    await until('and has said so', () => {
      try {
        for (const identity of [port.identity, worker, joined, away]) current(identity);
        return true;
      } catch {
        return false;
      }
    });
    const still = new Set([...port.sessions.open.values()].map(({ id }) => id));
    assert.ok(sessions.every((id) => still.has(id)));
    assert.deepEqual(port.sessions.closedFor, []);
    await assert.rejects(port.join({ token: oldToken }), {
      message: `remote CA does not match fingerprint. Expected: ${rootDigest(oldRoot)}`,
    });
    await run(await port.join());
  });

  test('to a root that is given, and a second rotation before the first has ended', async () => {
    const away = await port.join();
    const first = await createRoot(Date.now());
    await update({ SigningCACert: first.cert, SigningCAKey: first.key, ForceRotate: 1 });
    assert.deepEqual(cluster().Spec.CAConfig, { ForceRotate: 1 }, 'the key is not in the spec');
    const issuer = () => port.identity.tlsInfo().CertIssuerPublicKey;
    await until(
      'the manager has a certificate by it',
      () => issuer() === cluster().TLSInfo.CertIssuerPublicKey,
    );

    await update({ ForceRotate: 2 });
    await until('and then by the next one', () => issuer() === cluster().TLSInfo.CertIssuerPublicKey);
    assert.equal(cluster().internal.oldRoots.length, 2);
    await run(await port.join());
    await run(away);
    await until('the rotation ends', () => !cluster().RootRotationInProgress);
  });

  test('back to the old root', async () => {
    const away = await port.join();
    const { caCert, caKey } = cluster().internal;
    const token = port.token();
    await update({ ForceRotate: 3 });
    await until(
      'the manager has a certificate by the new root',
      () => port.identity.tlsInfo().CertIssuerPublicKey === cluster().TLSInfo.CertIssuerPublicKey,
    );
    await update({ SigningCACert: caCert, SigningCAKey: caKey, ForceRotate: 3 });
    await run(away);
    await until('the rotation ends', () => !cluster().RootRotationInProgress);
    assert.equal(cluster().internal.caCert, caCert);
    assert.equal(port.token(), token);
    await run(await port.join());
  });

  test('a node that never comes back holds it up until it is removed', async () => {
    const lost = await port.join();
    await update({ ForceRotate: 4 });
    await until('the others are done', () =>
      [...port.store.view.all('node')].every(
        ({ ID, Description }) =>
          ID === lost.certificate.nodeId ||
          Description?.TLSInfo.CertIssuerPublicKey === cluster().TLSInfo.CertIssuerPublicKey,
      ),
    );
    assert.equal(cluster().RootRotationInProgress, true);
    const { ID: id, Version } = port.store.view.get('node', lost.certificate.nodeId)!;
    await port.store.commit({ changes: [{ op: 'delete', kind: 'node', id, revision: Version.Index }] });
    await until('the rotation ends', () => !cluster().RootRotationInProgress);
  });

  test('a certificate is renewed in time, with a new key and for the same node', async () => {
    const identity = await port.join();
    const before = { ...identity.credentials };
    const { nodeId, notAfter } = identity.certificate;
    let fire = () => {};
    const clock = {
      now: () => notAfter - 1000,
      timer: (_ms: number, fn: () => void) => {
        fire = fn;
        return () => {};
      },
    };
    const renewal = startRenewal({
      identity,
      managers: () => [port.address],
      clock,
      random: Math.random,
      onError: (error) => port.errors.push(error),
    });
    fire();
    await until('it has another certificate', () => identity.credentials.certificate !== before.certificate);
    assert.notEqual(identity.credentials.key, before.key);
    assert.equal(readNodeCertificate(identity.credentials.certificate).nodeId, nodeId);
    await renewal.close();
  });
});
