import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { checkRoot, createRequest, createRoot, crossSign, issueCertificate } from './authority.ts';
import { nodeOf, nodeTlsInfo, readNodeCertificate, rootTlsInfo } from './certificate.ts';
import { bundle, certificatesIn } from './pem.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOLDER = {
  nodeId: 'node1',
  role: 'worker',
  clusterId: 'cluster1',
  notBefore: NOW - 3_600_000,
  notAfter: NOW + 3_600_000,
} as const;

describe('certificates', () => {
  test('a root as SwarmKit makes it', async () => {
    const { cert, key } = await createRoot(NOW);
    const root = new X509Certificate(cert);
    assert.equal(root.subject, 'CN=swarm-ca');
    assert.equal(root.ca, true);
    assert.equal(root.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    // For hosts whose clocks are slow.
    assert.equal(Date.parse(root.validFrom), NOW - 3_600_000);
    assert.equal(new Date(root.validTo).getUTCFullYear(), 2045);
    assert.equal(checkRoot({ cert, key }), undefined);
    assert.equal(bundle(cert), cert);
  });

  test('a node’s certificate says who it is, for how long, and who vouches for it', async () => {
    const root = await createRoot(NOW);
    const { csr, key } = await createRequest();
    const certificate = issueCertificate(root, csr, HOLDER);
    assert.deepEqual(readNodeCertificate(certificate), { ...HOLDER });
    const leaf = new X509Certificate(certificate);
    assert.equal(leaf.ca, false);
    assert.ok(leaf.checkIssued(new X509Certificate(root.cert)));
    assert.ok(key.includes('PRIVATE KEY'));
    assert.deepEqual(nodeTlsInfo(certificate, root.cert), rootTlsInfo(root.cert, root.cert));
    // As `docker node inspect` shows it: DER of CN=swarm-ca, and a P-256 SubjectPublicKeyInfo.
    const { CertIssuerSubject, CertIssuerPublicKey } = rootTlsInfo(root.cert, root.cert);
    assert.equal(CertIssuerSubject, 'MBMxETAPBgNVBAMTCHN3YXJtLWNh');
    assert.match(CertIssuerPublicKey, /^MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/);
  });

  test('nothing outlives its root', async () => {
    const root = await createRoot(NOW);
    const { csr } = await createRequest();
    const end = Date.parse(new X509Certificate(root.cert).validTo);
    const certificate = issueCertificate(root, csr, { ...HOLDER, notAfter: end + 1e9 });
    assert.equal(readNodeCertificate(certificate).notAfter, end);
  });

  test('a request that was tampered with is refused', async () => {
    const root = await createRoot(NOW);
    const { csr } = await createRequest();
    const der = Buffer.from(csr.replace(/-----[^-]+-----/g, ''), 'base64');
    // One bit of the signature.
    der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
    const bad = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    assert.throws(() => issueCertificate(root, bad, HOLDER));
    for (const junk of ['', 'junk', csr.slice(0, 100), root.cert])
      assert.throws(() => issueCertificate(root, junk, HOLDER));
  });

  test('a cross-signed root is the new key under the old name', async () => {
    const [old, next] = [await createRoot(NOW), await createRoot(NOW)];
    const bridge = crossSign(next, old);
    const certificate = new X509Certificate(bridge);
    assert.ok(certificate.checkIssued(new X509Certificate(old.cert)));
    assert.ok(certificate.verify(new X509Certificate(old.cert).publicKey));
    assert.equal(rootTlsInfo(bridge, '').CertIssuerPublicKey, rootTlsInfo(next.cert, '').CertIssuerPublicKey);
    const leaf = issueCertificate(next, (await createRequest()).csr, HOLDER);
    // Who trusts only the old root still sees who signed.
    assert.equal(
      nodeTlsInfo(leaf + bridge, old.cert).CertIssuerPublicKey,
      rootTlsInfo(next.cert, '').CertIssuerPublicKey,
    );
  });

  test('which subjects are nodes', () => {
    assert.deepEqual(nodeOf({ CN: 'n', OU: 'swarm-manager', O: 'c' }), {
      nodeId: 'n',
      role: 'manager',
      clusterId: 'c',
    });
    for (const subject of [
      undefined,
      {},
      { CN: 'n', OU: 'swarm-admin', O: 'c' },
      { CN: 'n', OU: 'swarm-worker' },
      { CN: 'n', OU: ['swarm-worker', 'swarm-manager'], O: 'c' },
      { CN: ['n', 'm'], OU: 'swarm-worker', O: 'c' },
    ])
      assert.equal(nodeOf(subject), undefined);
  });

  test('bundles have one spelling', async () => {
    const [a, b] = [(await createRoot(NOW)).cert, (await createRoot(NOW)).cert];
    assert.equal(bundle(`words ${a.replaceAll('\n', '\r\n')} ${b}${a}`), a + b);
    assert.deepEqual(certificatesIn('none'), []);
  });
});
