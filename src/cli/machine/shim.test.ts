import assert from 'node:assert/strict';
import { test } from 'node:test';
import { translate } from './shim.ts';

const create = (words: readonly string[], env = {}) => {
  const { argv, notes } = translate(['create', ...words], env);
  assert.equal(argv[0], 'create');
  return { argv: argv.slice(1), notes };
};

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
  const { argv, notes } = create(line);
  assert.deepEqual(argv, ['-d', 'lab', 'one']);
  assert.equal(notes.length, 3);
  assert.match(notes[0]!, /--virtualbox-memory is passed over/);
});

test('servers that one has are reached by ssh', () => {
  const line = ['--driver', 'generic', '--generic-ip-address=203.0.113.7', '--generic-ssh-key', 'k', 'one'];
  assert.deepEqual(create(line).argv, [
    ...['--driver', 'generic', '--ssh-host', '203.0.113.7', '--ssh-key', 'k', 'one'],
  ]);
});

test("an engine's key–value store is passed over", () => {
  const { argv, notes } = create(['--engine-opt=cluster-store=consul://10.0.0.1:8500', 'm']);
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
  assert.deepEqual(create(line), { argv: split, notes: [] });
  assert.throws(() => create(['--virtualbox-memory']), /needs a value/);
});

test('servers are named by the variables of its driver too, and by them alone', () => {
  const env = { GENERIC_IP_ADDRESS: '203.0.113.7', GENERIC_SSH_PORT: '2222', MACHINE_DRIVER: 'generic' };
  assert.deepEqual(create(['one'], env).argv, ['one', '--ssh-host', '203.0.113.7', '--ssh-port', '2222']);
  const given = ['-d', 'generic', '--generic-ip-address', '203.0.113.8', 'one'];
  assert.deepEqual(create(given, env).argv.slice(2), [
    ...['--ssh-host', '203.0.113.8', 'one', '--ssh-port', '2222'],
  ]);
  assert.deepEqual(create(['--driver=lab', 'one'], env).argv, ['--driver=lab', 'one']);
});

test('options before the command: where machines lie, and what is passed over', () => {
  const env = { MACHINE_STORAGE_PATH: '/theirs' };
  assert.deepEqual(translate(['ls'], {}), { argv: ['ls'], notes: [] });
  assert.equal(translate(['ls'], env).home, '/theirs');
  for (const line of ['-s /mine', '-s=/mine', '--storage-path /mine', '-storage-path=/mine']) {
    const { argv, home } = translate([...line.split(' '), '-D', 'ip', '-s'], env);
    assert.deepEqual({ argv, home }, { argv: ['ip', '-s'], home: '/mine' });
  }
  const passed = translate(
    '--debug --native-ssh --github-api-token x --bugsnag-api-token=y ls'.split(' '),
    {},
  );
  assert.deepEqual(passed.argv, ['ls']);
  assert.equal(passed.notes.length, 4);
  for (const word of ['-v', '--version', 'version'])
    assert.deepEqual(translate([word], {}).argv, ['version']);
  for (const word of ['-h', '--help']) assert.deepEqual(translate([word], {}).argv, ['--help']);
});

test('nothing is a question for help, and no name means the machine "default" where it did', () => {
  assert.deepEqual(translate([], {}).argv, ['--help']);
  assert.deepEqual(translate(['-s', '/mine'], {}).argv, ['--help']);
  assert.deepEqual(translate(['ip'], {}).argv, ['ip', 'default']);
  assert.deepEqual(translate(['rm'], {}).argv, ['rm']);
  assert.deepEqual(translate(['env', '-u'], {}).argv, ['env', '-u']);
});

test('options before the command that are wrong, or cannot be had, are named', () => {
  for (const word of ['-s', '--storage-path', '--github-api-token'])
    assert.throws(() => translate([word], {}), /Incorrect Usage\. flag needs an argument: -/);
  assert.throws(() => translate(['-s='], {}), /--storage-path is empty/);
  assert.throws(() => translate(['--no-such', 'ls'], {}), /flag provided but not defined: --no-such/);
  for (const option of ['tls-ca-cert', 'tls-ca-key', 'tls-client-cert', 'tls-client-key']) {
    assert.throws(() => translate([`--${option}`, 'x', 'ls'], {}), /ca\.pem, ca-key\.pem.* folder "certs"/);
    const variable = `MACHINE_${option.replaceAll('-', '_').toUpperCase()}`;
    assert.throws(
      () => translate(['ls'], { [variable]: 'x' }),
      new RegExp(`^MachineError: ${variable} is not`),
    );
  }
});
