import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleNode } from '../store/samples.ts';
import { meetsConstraints, parseConstraints } from './constraint.ts';

const base = sampleNode('abc123', 'Host-1');
const node = {
  ...base,
  Spec: { ...base.Spec, Role: 'manager', Labels: { disk: 'SSD', 'a.b': 'x' } },
  Description: {
    ...base.Description!,
    Engine: { ...base.Description!.Engine, Labels: { region: 'eu west' } },
  },
  Status: { State: 'ready' as const, Addr: '192.168.99.101' },
};

const cases: Array<[expression: string, met: boolean]> = [
  ['node.id==abc123', true],
  ['node.id == ABC123', true],
  ['node.id!=abc123', false],
  ['node.hostname==host-1', true],
  ['NODE.HOSTNAME==host-1', true],
  ['node.role==Manager', true],
  ['node.role != manager', false],
  ['node.platform.os==linux', true],
  ['node.platform.arch==x86_64', true],
  ['node.ip==192.168.99.101', true],
  ['node.ip==192.168.99.0/24', true],
  ['node.ip==192.168.98.0/23', true],
  ['node.ip==10.0.0.0/8', false],
  ['node.ip!=10.0.0.0/8', true],
  ['node.ip==192.168.99.0/33', false],
  ['node.ip==fe80::/10', false],
  ['node.labels.disk==ssd', true],
  ['node.labels.Disk==ssd', false],
  ['node.labels.a.b==x', true],
  ['node.labels.missing!=ssd', true],
  ['node.labels.missing==ssd', false],
  ['engine.labels.region==eu west', true],
  ['engine.labels.region!=us', true],
  ['node.colour==red', false],
  ['node.colour!=red', false],
];
for (const [expression, met] of cases) {
  test(`${expression} is ${met ? '' : 'not '}met`, () => {
    assert.equal(meetsConstraints(parseConstraints([expression]), node), met);
  });
}

test('an IPv6 address is compared by its bits', () => {
  const six = { ...node, Status: { State: 'ready' as const, Addr: 'fe80::1:2' } };
  assert.equal(meetsConstraints(parseConstraints(['node.ip==fe80:0:0:0::/64']), six), true);
  assert.equal(meetsConstraints(parseConstraints(['node.ip==fe80:0:0:0:0:0:1:2']), six), true);
  assert.equal(meetsConstraints(parseConstraints(['node.ip==fe81::/64']), six), false);
});

test('all have to be met, and none are met by everything', () => {
  assert.equal(meetsConstraints(parseConstraints(['node.role==manager', 'node.id==other']), node), false);
  assert.equal(meetsConstraints(parseConstraints(undefined), node), true);
});

const invalid: Array<[expression: string, message: string]> = [
  ['node.id', 'constraint expected one operator from ==, !='],
  ['node.id=abc', 'constraint expected one operator from ==, !='],
  ['node.id==', "value '' is invalid"],
  ['==abc', "key '' is invalid"],
  ['n==abc', "key 'n' is invalid"],
  ['node.id==a@b', "value 'a@b' is invalid"],
  ['1node==a', "key '1node' is invalid"],
];
for (const [expression, message] of invalid) {
  test(`'${expression}' is refused`, () => {
    assert.throws(() => parseConstraints([expression]), { message });
  });
}
