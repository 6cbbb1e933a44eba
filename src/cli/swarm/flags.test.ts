import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COMMANDS } from './commands.ts';
import { FlagError, parseFlags, seconds } from './flags.ts';

const MANAGE = COMMANDS.find(({ names }) => names[0] === 'manage')!.flags;
const manage = (...argv: string[]) => parseFlags(MANAGE, argv, { env: {} });

describe('flags', () => {
  test('have one dash or two, and their value behind a blank or a sign', () => {
    for (const argv of [
      ['-strategy', 'binpack', 'nodes://a:1'],
      ['--strategy', 'binpack', 'nodes://a:1'],
      ['-strategy=binpack', 'nodes://a:1'],
      ['nodes://a:1', '--strategy=binpack'],
    ]) {
      const { values, rest } = manage(...argv);
      assert.equal(values.text('strategy'), 'binpack');
      assert.deepEqual(rest, ['nodes://a:1']);
    }
  });

  test('that are given replace the defaults of a list', () => {
    assert.deepEqual(manage().values.list('host'), ['tcp://127.0.0.1:2375']);
    assert.deepEqual(manage('-H', ':1', '--host', ':2').values.list('host'), [':1', ':2']);
    assert.deepEqual(manage('--cluster-opt', 'a=1', '-cluster-opt=b=2').values.list('cluster-opt'), [
      'a=1',
      'b=2',
    ]);
  });

  test('of yes and no take no word, but a sign', () => {
    assert.equal(manage('--tlsverify', 'x').values.bool('tlsverify'), true);
    assert.equal(manage('-tlsverify=false').values.bool('tlsverify'), false);
    assert.equal(manage().values.bool('tlsverify'), false);
  });

  test('have the defaults that scripts count on', () => {
    const { values } = manage();
    assert.deepEqual(
      [
        'strategy',
        'replication-ttl',
        'engine-refresh-min-interval',
        'engine-refresh-max-interval',
        'heartbeat',
      ].map((name) => values.text(name)),
      ['spread', '20s', '30s', '60s', '60s'],
    );
    assert.equal(values.integer('engine-failure-retry'), 3);
  });

  test('may stand in the environment', () => {
    const { values } = parseFlags(MANAGE, [], { env: { SWARM_ADVERTISE: 'a:1', SWARM_HOST: ':1,:2' } });
    assert.equal(values.text('advertise'), 'a:1');
    assert.deepEqual(values.list('host'), [':1', ':2']);
  });

  test('that there are not are named', () => {
    assert.throws(() => manage('--nosuch'), new FlagError('flag provided but not defined: -nosuch'));
    assert.throws(() => manage('--strategy'), new FlagError('flag needs an argument: -strategy'));
  });

  for (const [text, expected] of [
    ['60s', 60],
    ['1m30s', 90],
    ['1.5h', 5400],
    ['-30s', -30],
    ['250ms', 0.25],
    ['0', 0],
  ] as const) {
    test(`${text} is ${expected} s`, () => assert.equal(seconds(text, '--x'), expected));
  }
  for (const text of ['', '5', 'asdf', '5 s', '1d']) {
    test(`"${text}" is no duration`, () => assert.throws(() => seconds(text, '--x'), FlagError));
  }
});
