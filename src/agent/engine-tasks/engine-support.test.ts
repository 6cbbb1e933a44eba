import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSpec, Mount } from '../../model/spec.ts';
import { requireEngine } from './engine-support.ts';

const mount = (more: Mount): ContainerSpec => ({
  Mounts: [
    { Type: 'volume', Target: '/a' },
    { Target: '/b', ...more },
  ],
});
const CASES: Array<[name: string, spec: ContainerSpec, before: string, since: string]> = [
  ['BindOptions.CreateMountpoint', mount({ BindOptions: { CreateMountpoint: true } }), '1.41', '1.42'],
  [
    'BindOptions.ReadOnlyNonRecursive',
    mount({ BindOptions: { ReadOnlyNonRecursive: true } }),
    '1.43',
    '1.44',
  ],
  [
    'BindOptions.ReadOnlyForceRecursive',
    mount({ BindOptions: { ReadOnlyForceRecursive: true } }),
    '1.43',
    '1.44',
  ],
  ['VolumeOptions.Subpath', mount({ VolumeOptions: { Subpath: 'x' } }), '1.44', '1.45'],
  ['TmpfsOptions.Options', mount({ TmpfsOptions: { Options: [['noexec']] } }), '1.45', '1.46'],
];
for (const [name, spec, before, since] of CASES) {
  test(`${name} takes an engine of ${since}`, () => {
    requireEngine(spec, since);
    const message = `this node's engine does not know ${name}: its API is ${before}, ${since} is needed`;
    assert.throws(() => requireEngine(spec, before), { message });
  });
}

test('what says nothing takes no newer engine', () => {
  const nothing: ContainerSpec = {
    Mounts: [
      { Target: '/a', BindOptions: { CreateMountpoint: false, Propagation: 'rprivate' } },
      {
        Target: '/b',
        VolumeOptions: { Subpath: '', NoCopy: true },
        TmpfsOptions: { Options: [], SizeBytes: 1 },
      },
    ],
  };
  for (const spec of [{}, nothing]) requireEngine(spec, '1.41');
});
