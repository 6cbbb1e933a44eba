import assert from 'node:assert/strict';
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { test } from 'node:test';
import { crossSign, issueCertificate, issueServerCertificate, type Root, requestOf } from './authority.ts';
import { integer, sequence, text, time, within } from './der.ts';
import {
  BASIC,
  certificateParts,
  nameOf,
  publicKeyOf,
  requestedKey,
  signedCertificate,
  signedRequest,
  validityOf,
} from './x509.ts';

const NOW = Date.UTC(2026, 0, 1);
const YEAR = 365 * 24 * 3_600_000;
const HOLDER = { nodeId: 'n', role: 'worker', clusterId: 'c', notBefore: NOW, notAfter: NOW + YEAR } as const;
const KEYS: Record<string, () => { privateKey: KeyObject }> = {
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

/** A root that somebody else made, without a key identifier, good until `notAfter`. */
function foreignRoot(key: KeyObject, notAfter = NOW + 10 * YEAR): Root {
  const subject = nameOf([
    ['O', 'Tschüß, Ltd.'],
    ['CN', 'their root'],
  ]);
  const validity = validityOf(NOW - YEAR, notAfter);
  const parts = { issuer: subject, validity, subject, publicKey: publicKeyOf(key) };
  const cert = signedCertificate({ ...parts, extensions: [BASIC.root] }, key);
  return { cert, key: key.export({ type: 'pkcs8', format: 'pem' }) as string };
}

for (const [kind, make] of Object.entries(KEYS)) {
  test(`what a root with a key of ${kind} signs is accepted by OpenSSL`, async () => {
    const root = foreignRoot(make().privateKey);
    const issuer = new X509Certificate(root.cert);
    assert.equal(issuer.subject, 'O=Tschüß\\, Ltd.\nCN=their root');
    const leaf = new X509Certificate(
      issueCertificate(root, requestOf(root), { ...HOLDER, address: 'fe80::1:2' }),
    );
    assert.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
    assert.equal(leaf.subjectAltName, 'DNS:swarm-worker, DNS:n, DNS:swarm-ca, IP Address:FE80:0:0:0:0:0:1:2');
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(Date.parse(leaf.validFrom), NOW);

    const next = foreignRoot(KEYS['P-256']!().privateKey);
    const bridge = new X509Certificate(crossSign(next, root));
    assert.ok(bridge.checkIssued(issuer) && bridge.verify(issuer.publicKey) && bridge.ca);
    assert.equal(bridge.validTo, new X509Certificate(next.cert).validTo);

    const served = await issueServerCertificate(root, {
      ...{ commonName: 'a host', names: ['swarm.example'], addresses: ['192.0.2.1'] },
      ...{ notBefore: NOW, notAfter: NOW + YEAR },
    });
    const server = new X509Certificate(served.certificate);
    assert.equal(server.checkHost('swarm.example'), 'swarm.example');
    assert.equal(server.checkIP('192.0.2.1'), '192.0.2.1');
    assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.ok(server.checkPrivateKey(createPrivateKey(served.key)) && server.verify(issuer.publicKey));
  });
}

test('a request that was cut or changed anywhere is refused, and so is one signed by another key', () => {
  const key = KEYS['P-256']!().privateKey;
  const good = signedRequest(nameOf([['CN', 'x']]), key);
  assert.ok(requestedKey(good).equals(publicKeyOf(key)));
  const der = Buffer.from(good.replace(/-----[^-]+-----/g, ''), 'base64');
  const asPem = (bytes: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.ok(requestedKey(asPem(der)));
  for (let at = 0; at < der.length; at++) {
    assert.throws(() => requestedKey(asPem(der.subarray(0, at))), `cut at ${at}`);
    const changed = Buffer.from(der);
    changed.writeUInt8(der.readUInt8(at) ^ 0x10, at);
    assert.throws(() => requestedKey(asPem(changed)), `changed at ${at}`);
  }
  assert.throws(() => requestedKey(asPem(Buffer.concat([der, Buffer.from([5, 0])]))));
});

test('elements are read as they are written, and times by the century', () => {
  const long = text('x'.repeat(70_000));
  const [first, second] = within(sequence(long, integer(Buffer.from([7]))), 0x30);
  assert.ok(first?.raw.equals(long) && second?.content.equals(Buffer.from([7])));
  assert.equal(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1'), '\x17\x0d491231235959Z');
  assert.equal(time(Date.UTC(2050, 0, 1)).toString('latin1'), '\x18\x0f20500101000000Z');
});

test('a key is named by the SHA-1 of its bits, as others name it', async () => {
  const root = foreignRoot(KEYS['P-256']!().privateKey);
  const { keyId, publicKey } = certificateParts(
    new X509Certificate(issueCertificate(root, requestOf(root), HOLDER)).raw,
  );
  // The bits of a P-256 key are the last 65 bytes: an uncompressed point.
  assert.deepEqual(keyId, createHash('sha1').update(publicKey.subarray(-65)).digest());
});
