import assert from 'node:assert/strict';
import { test } from 'node:test';
import { translateCreate } from './shim.ts';

test('what concerned other drivers is passed over, with its value', () => {
  const line = [
    '-d',
    'lab',
    '--virtualbox-memory',
    '4096',
    '--virtualbox-no-share',
    '--virtualbox-cpu-count=2',
    'one',
  ];
  const { argv, notes } = translateCreate(line);
  assert.deepEqual(argv, ['-d', 'lab', 'one']);
  assert.equal(notes.length, 3);
  assert.match(notes[0]!, /--virtualbox-memory is passed over/);
});

test('servers that one has are reached by ssh', () => {
  const line = ['--driver', 'generic', '--generic-ip-address=203.0.113.7', '--generic-ssh-key', 'k', 'one'];
  assert.deepEqual(translateCreate(line).argv, [
    ...['--driver', 'generic', '--ssh-host', '203.0.113.7', '--ssh-key', 'k', 'one'],
  ]);
});

test("an engine's key–value store is passed over", () => {
  const { argv, notes } = translateCreate(['--engine-opt=cluster-store=consul://10.0.0.1:8500', 'm']);
  assert.deepEqual(argv, ['m']);
  assert.match(notes[0]!, /overlay networks need none/);
});

test('what means the same is left as it is', () => {
  const line = [
    '-d',
    'lab',
    '--swarm',
    '--swarm-master',
    '--swarm-discovery=token://1',
    '--engine-opt=a=b',
    'm',
  ];
  const split = [...line.slice(0, 5), '--engine-opt', 'a=b', 'm'];
  assert.deepEqual(translateCreate(line), { argv: split, notes: [] });
  assert.throws(() => translateCreate(['--virtualbox-memory']), /needs a value/);
});
