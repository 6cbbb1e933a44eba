/** External authorities, on the real one: Debian's cfssl. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Cfssl } from '../../../test/support/cfssl.ts';
import { type ClusterPort, startClusterPort } from '../../../test/support/cluster-port.ts';
import { createRequest, createRoot, type Root } from '../../identity/authority.ts';
import type { NodeIdentity } from '../../identity/node-identity.ts';
import { ApiError } from '../../model/errors.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import { theCluster } from './cluster.ts';

describe('an external authority', () => {
  let port: ClusterPort;
  let root: Root;
  let cfssl: Cfssl;
  let worker: NodeIdentity;
  before(async () => {
    port = await startClusterPort();
    root = await createRoot(Date.now());
    cfssl = await Cfssl.start(root, root.cert + cluster().internal.caCert);
  });
  after(async () => {
    await cfssl?.[Symbol.asyncDispose]();
    await port?.close();
  });

  const cluster = () => theCluster(port.store.view);
  const update = (CAConfig: ClusterSpec['CAConfig']) =>
    port.authority.updateCluster({
      version: cluster().Version.Index,
      spec: { CAConfig },
      ...{ rotateWorkerToken: false, rotateManagerToken: false, rotateUnlockKey: false },
    });
  const outside = (URL = cfssl.url) => [{ Protocol: 'cfssl', URL, CACert: root.cert }];
  async function renew(identity: NodeIdentity): Promise<NodeIdentity> {
    const { csr, key } = await createRequest();
    const { certificate, roots } = await port.authority.renew(identity.certificate.nodeId, { csr });
    await identity.update({ certificate, key, roots });
    return identity;
  }
  const signedBy = ({ credentials }: NodeIdentity, cert: string) =>
    new X509Certificate(credentials.certificate).verify(new X509Certificate(cert).publicKey);
  const refused = (work: Promise<unknown>, status: number, message: RegExp) =>
    assert.rejects(work, (error) => {
      assert.ok(error instanceof ApiError);
      assert.match(error.message, message);
      assert.equal(error.status, status);
      return true;
    });

  test('is refused as the new one if it does not answer, or answers for another root', async () => {
    const wanted = /at least one valid, reachable external CA corresponding to the desired CA certificate/;
    const other = await createRoot(Date.now());
    for (const ExternalCAs of [
      undefined,
      outside('https://127.0.0.1:1/sign'),
      outside('nonsense'),
      outside(cfssl.url.replace('https', 'http')),
      [{ Protocol: 'cfssl', URL: cfssl.url }],
    ])
      await refused(update({ SigningCACert: root.cert, ExternalCAs }), 400, wanted);
    const ExternalCAs = [{ Protocol: 'cfssl', URL: cfssl.url, CACert: other.cert }];
    await refused(update({ SigningCACert: other.cert, ExternalCAs }), 400, wanted);
    assert.equal(cluster().RootRotationInProgress, false);
  });

  test('signs for those that are there and for those that join, and its key is not here', async () => {
    worker = await port.join();
    const before = cluster().internal.caCert;
    await update({ SigningCACert: root.cert, ExternalCAs: outside() });
    assert.equal(cluster().internal.caKey, '');
    assert.equal(cluster().RootRotationInProgress, true);
    await renew(port.identity);
    for (const identity of [await renew(worker), await port.join()]) {
      assert.ok(signedBy(identity, root.cert));
      assert.equal(identity.certificate.role, 'worker');
      assert.equal(identity.certificate.clusterId, cluster().ID);
      // Who knows only the root of before accepts it.
      assert.ok(identity.credentials.roots.includes(before));
      assert.deepEqual(identity.tlsInfo().CertIssuerPublicKey, cluster().TLSInfo.CertIssuerPublicKey);
    }
    const { csr } = await createRequest();
    const member = await port.authority.certifyMember(port.identity.certificate.nodeId, {
      csr,
      address: '10.1.2.3',
    });
    assert.match(new X509Certificate(member.certificate).subjectAltName ?? '', /IP Address:10\.1\.2\.3/);
  });

  test('certifies the root that follows it', async () => {
    const outer = cluster().internal.caCert;
    await update({ ExternalCAs: outside(), ForceRotate: 1 });
    assert.notEqual(cluster().internal.caKey, '');
    const chain = cluster().internal.crossSigned;
    assert.ok(new X509Certificate(chain).verify(new X509Certificate(outer).publicKey));
    assert.ok(new X509Certificate(chain).ca);
    assert.ok(signedBy(await renew(port.identity), cluster().internal.caCert));
  });

  test('that is away is told of, and nothing else signs', async () => {
    await update({ SigningCACert: root.cert, ExternalCAs: outside(), ForceRotate: 1 });
    await cfssl[Symbol.asyncDispose]();
    await refused(renew(worker), 503, /the external certificate authority: https:.*ECONNREFUSED/);
    await refused(update({ ForceRotate: 1 }), 400, /external CA corresponding to the next CA certificate/);
    const other = await createRoot(Date.now());
    await refused(
      update({ SigningCACert: other.cert, ExternalCAs: outside(), ForceRotate: 1 }),
      400,
      /external CA corresponding to the next/,
    );
    // With its key at hand it can be done without.
    await update({ SigningCACert: root.cert, SigningCAKey: root.key, ForceRotate: 1 });
    assert.ok(signedBy(await renew(worker), root.cert));
  });
});
