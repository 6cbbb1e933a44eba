import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { createRoot, type Root } from '../../identity/authority.ts';
import { parseToken, rootDigest } from '../../identity/token.ts';
import { ApiError } from '../../model/errors.ts';
import type { Cluster, Node } from '../../model/objects.ts';
import type { ClusterSpec } from '../../model/spec.ts';
import { newCluster, pinnedRoot, trustedRoots } from './cluster.ts';
import { externalAuthorities } from './external.ts';
import { checkManagerAddress, joiningNode, newNode, roleOfToken } from './issue.ts';
import { finishRotation } from './rotation.ts';
import { updatedCluster } from './update.ts';

const NOW = Date.UTC(2026, 0, 1);
const YEAR = 365 * 24 * 3_600_000;

describe('updates of the cluster', () => {
  let cluster: Cluster;

  before(async () => {
    const made = await newCluster({
      id: 'cluster1',
      spec: { Name: 'default', CAConfig: { NodeCertExpiry: 7776e12 } },
      DefaultAddrPool: [],
      SubnetSize: 24,
      DataPathPort: 4789,
      now: NOW,
    });
    cluster = { ...made, Version: { Index: 7 } };
  });

  const update = (
    spec: ClusterSpec,
    more: { version?: number; worker?: boolean; manager?: boolean; unlock?: boolean } = {},
  ) =>
    updatedCluster(
      cluster,
      {
        version: more.version ?? 7,
        spec,
        rotateWorkerToken: more.worker ?? false,
        rotateManagerToken: more.manager ?? false,
        rotateUnlockKey: more.unlock ?? false,
      },
      NOW + 1000,
      externalAuthorities(() => ({ certificate: '', key: '' })),
    );
  const fails = (spec: ClusterSpec, status: number, message: string | RegExp, version?: number) =>
    assert.rejects(update(spec, { version: version ?? 7 }), (error) => {
      assert.ok(error instanceof ApiError);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      assert.equal(error.status, status);
      return true;
    });

  test('the spec is replaced as a whole', async () => {
    const next = await update({ Labels: { a: 'b' } });
    assert.deepEqual(next.Spec, { Name: 'default', Labels: { a: 'b' }, CAConfig: {} });
    assert.deepEqual(next.internal, cluster.internal);
    assert.equal(next.UpdatedAt, '2026-01-01T00:00:01.000Z');
  });

  test('Docker’s errors', async () => {
    const invalid = (text: string) => `rpc error: code = InvalidArgument desc = ${text}`;
    const second = await createRoot(NOW);
    const root = await createRoot(NOW);
    const given = (SigningCACert: string, SigningCAKey: string) => ({
      CAConfig: { SigningCACert, SigningCAKey },
    });
    const ed = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const old = await createRoot(NOW - 19.5 * YEAR);
    await fails({}, 500, 'rpc error: code = Unknown desc = update out of sequence', 6);
    await fails({ Name: 'other' }, 400, 'swarm spec must be named "default"');
    await fails(
      { CAConfig: { NodeCertExpiry: 1e9 } },
      400,
      invalid('minimum certificate expiry time is: 1h0m0s'),
    );
    await fails(
      { CAConfig: { NodeCertExpiry: -1 } },
      400,
      invalid('minimum certificate expiry time is: 1h0m0s'),
    );
    await fails(
      { Dispatcher: { HeartbeatPeriod: -1 } },
      400,
      invalid('heartbeat time period cannot be a negative duration'),
    );
    await fails({ CAConfig: { ExternalCAs: [{ Protocol: 'foo' }] } }, 400, 'invalid protocol: "foo"');
    await fails(
      given('', root.key),
      400,
      invalid('if a signing CA key is provided, the signing CA cert must also be provided'),
    );
    await fails(
      given(root.cert, ''),
      400,
      invalid(
        'there must be at least one valid, reachable external CA corresponding to the desired CA certificate',
      ),
    );
    await fails(given(root.cert, second.key), 400, invalid('certificate key mismatch'));
    await fails(given(root.cert, 'x'), 400, invalid('malformed private key'));
    await fails(given(root.cert, ed), 400, /unsupported signature algorithm/);
    await fails(
      given(root.cert + second.cert, root.key),
      400,
      invalid('the desired CA certificate cannot contain multiple certificates'),
    );
    await fails(given(old.cert, old.key), 400, invalid('CA certificate expires too soon'));
    const junk = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    await fails(given(junk, root.key), 400, /invalid root certificates/);
  });

  test('tokens are rotated one by one, and only on request', async () => {
    const { Worker, Manager } = cluster.internal.joinTokens;
    const next = (await update({}, { worker: true })).internal.joinTokens;
    assert.notEqual(next.Worker, Worker);
    assert.equal(next.Manager, Manager);
    assert.equal(parseToken(next.Worker).digest, rootDigest(cluster.internal.caCert));
    assert.equal((await update({}, { manager: true })).internal.joinTokens.Worker, Worker);
  });

  test('back to a root that was to follow, or to the pinned one, takes nobody’s signature', async () => {
    const first = { ...cluster };
    const [second, third] = [await createRoot(NOW), await createRoot(NOW)];
    const to = async (root: Root, ForceRotate: number) => {
      const spec = { CAConfig: { SigningCACert: root.cert, SigningCAKey: root.key, ForceRotate } };
      cluster = { ...(await update(spec)), Version: { Index: 7 } };
      return cluster.internal;
    };
    const { crossSigned } = await to(second, 1);
    const { oldRoots } = await to(third, 2);
    assert.equal(oldRoots.length, 2);
    // As if its key were with an external authority, which is away.
    cluster = { ...cluster, internal: { ...cluster.internal, caKey: '' } };
    const abroad = cluster;
    assert.equal((await to(second, 3)).crossSigned, crossSigned);
    assert.deepEqual(cluster.internal.oldRoots, [first.internal.caCert, third.cert]);
    cluster = abroad;
    const { caCert, caKey } = first.internal;
    assert.equal((await to({ cert: caCert, key: caKey }, 3)).crossSigned, '');
    cluster = first;
  });

  test('a rotation begins when ForceRotate changes, and ends when every node has been renewed', async () => {
    const begun = await update({ CAConfig: { ForceRotate: 1 } });
    assert.equal(begun.RootRotationInProgress, true);
    assert.equal(pinnedRoot(begun), cluster.internal.caCert);
    assert.equal(trustedRoots(begun), cluster.internal.caCert + begun.internal.caCert);
    assert.deepEqual(begun.internal.joinTokens, cluster.internal.joinTokens);

    const node = newNode({ id: 'n', role: 'worker', addr: '', now: NOW });
    const described = (TLSInfo: Cluster['TLSInfo']) => ({ ...node, Description: { TLSInfo } }) as Node;
    assert.equal(finishRotation(cluster, []), undefined, 'there is none');
    assert.equal(finishRotation(begun, [node]), undefined, 'it has said nothing yet');
    assert.equal(finishRotation(begun, [described(cluster.TLSInfo)]), undefined);
    const ended = finishRotation(begun, [described(begun.TLSInfo)]);
    assert.equal(ended?.RootRotationInProgress, false);
    assert.equal(trustedRoots(ended!), begun.internal.caCert);
    assert.equal(parseToken(ended!.internal.joinTokens.Worker).digest, rootDigest(begun.internal.caCert));
    assert.equal(parseToken(ended!.internal.joinTokens.Manager).digest, rootDigest(begun.internal.caCert));
    assert.equal(ended?.internal.crossSigned, '');
  });

  test('the same ForceRotate, or the present root given again, rotates nothing', async () => {
    assert.equal((await update({ CAConfig: { ForceRotate: 0 } })).RootRotationInProgress, false);
    const { caCert, caKey } = cluster.internal;
    const next = await update({ CAConfig: { SigningCACert: caCert, SigningCAKey: caKey, ForceRotate: 1 } });
    assert.equal(next.RootRotationInProgress, false);
    assert.deepEqual(next.Spec.CAConfig, { ForceRotate: 1 });
  });

  test('no manager gets in at the address of another one', () => {
    const node = newNode({ id: 'm1', role: 'manager', addr: '10.0.0.1', now: NOW });
    for (const [Addr, own] of [
      ['10.0.0.1:2377', '10.0.0.1'],
      ['[fd00::1]:2377', 'fd00::1'],
    ] as const) {
      const nodes: Node[] = [{ ...node, ManagerStatus: { Reachability: 'unreachable', Addr } }];
      assert.throws(() => checkManagerAddress(nodes, own), /manager m1 has the address .* demote m1"\)/);
      checkManagerAddress(nodes, '10.0.0.11');
    }
    checkManagerAddress([node], '10.0.0.1');
  });

  test('who gets in', () => {
    const { Worker, Manager } = cluster.internal.joinTokens;
    assert.equal(roleOfToken(cluster, Worker), 'worker');
    assert.equal(roleOfToken(cluster, Manager), 'manager');
    for (const token of ['', 'x', `${Worker} `, Worker.slice(0, -1)])
      assert.throws(
        () => roleOfToken(cluster, token),
        /A valid join token is necessary to join this cluster/,
      );
    const parts = { id: 'n', remoteAddr: '10.0.0.9', now: NOW };
    const node = joiningNode(cluster, { csr: '', token: Worker, availability: 'drain' }, parts);
    assert.deepEqual(node.Spec, { Labels: {}, Role: 'worker', Availability: 'drain' });
    assert.equal(node.Status.Addr, '10.0.0.9');
    const named = joiningNode(cluster, { csr: '', token: Worker, addr: '10.0.0.8' }, parts);
    assert.equal(named.Status.Addr, '10.0.0.8');
    assert.throws(
      () => joiningNode(cluster, { csr: '', token: Worker, availability: 'sleepy' }, parts),
      /invalid Availability: "sleepy"/,
    );
  });
});
