import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cluster } from '../../model/objects.ts';
import { unlockKeys, withKeyShown, withLock } from './unlock.ts';

function cluster(AutoLockManagers: boolean, unlock?: Cluster['internal']['unlock']): Cluster {
  const internal = {
    joinTokens: { Worker: '', Manager: '' },
    caCert: '',
    caKey: '',
    oldRoots: [],
    crossSigned: '',
  };
  return {
    ...{ ID: 'c', Version: { Index: 7 }, CreatedAt: '', UpdatedAt: '' },
    Spec: { EncryptionConfig: { AutoLockManagers } },
    TLSInfo: { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' },
    ...{ RootRotationInProgress: false, DefaultAddrPool: [], SubnetSize: 24, DataPathPort: 4789 },
    internal: { ...internal, ...(unlock ? { unlock } : {}) },
  };
}

describe('the unlock key of a cluster', () => {
  test('is needed once somebody has it', () => {
    const made = withLock(cluster(true), false);
    const { key } = made.internal.unlock!;
    assert.match(key, /^SWMKEY-1-/);
    assert.deepEqual(unlockKeys(made), []);
    const shown = withKeyShown(made)!;
    assert.deepEqual(unlockKeys(shown), [key]);
    assert.equal(withKeyShown(shown), undefined);
    assert.equal(withLock(shown, false), shown);
  });

  test('is another one after a rotation, and the one before opens until that has been shown', () => {
    const first = withKeyShown(withLock(cluster(true), false))!;
    const second = withLock(first, true);
    assert.deepEqual(unlockKeys(second), [second.internal.unlock!.key, first.internal.unlock!.key]);
    const third = withLock(second, true);
    assert.deepEqual(unlockKeys(third), [third.internal.unlock!.key, first.internal.unlock!.key]);
    assert.deepEqual(unlockKeys(withKeyShown(third)!), [third.internal.unlock!.key]);
    assert.equal(new Set([first, second, third].map(({ internal }) => internal.unlock!.key)).size, 3);
  });

  test('is gone with the lock', () => {
    const off = { ...withKeyShown(withLock(cluster(true), false))!, Spec: {} };
    assert.equal(withLock(off, true).internal.unlock, undefined);
    assert.deepEqual(unlockKeys(withLock(off, false)), []);
  });
});
