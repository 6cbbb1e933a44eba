import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { createRoot, issueCertificate } from './authority.ts';
import { readNodeCertificate } from './certificate.ts';
import { requestApart } from './request.ts';

test('a request made apart is one that can be signed, and its key is usable here', async () => {
  const { csr, key } = await requestApart();
  assert.equal(createPrivateKey(key).asymmetricKeyType, 'ec');
  const now = Date.now();
  const holder = {
    nodeId: 'n',
    role: 'worker',
    clusterId: 'c',
    notBefore: now,
    notAfter: now + 3_600_000,
  } as const;
  const certificate = await issueCertificate(await createRoot(now), csr, holder);
  assert.equal(readNodeCertificate(certificate).nodeId, 'n');
});
