import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NetworkRecord } from '../fleet/records.ts';
import { allNetworks, findNetwork, shownName } from './networks.ts';
import { host } from './testing/hosts.ts';

const network = (Id: string, Name: string, Scope = 'local'): NetworkRecord => ({
  ...{ Id, Name, Scope },
  Driver: Scope === 'local' ? 'bridge' : 'overlay',
  Labels: {},
});
const on = (name: string, ...networks: NetworkRecord[]) => host(name, [], { networks });
const hosts = [
  on('n2', network('b2', 'bridge'), network('ov', 'shared', 'swarm'), network('old', 'gone', 'swarm')),
  on('n1', network('b1', 'bridge'), network('own', 'own'), network('ov', 'shared', 'swarm')),
];
const [, home] = hosts;

describe('networks', () => {
  test('are shown once each, those of one host with it', () => {
    assert.deepEqual(allNetworks(hosts).map(shownName), [
      'n1/bridge',
      'n1/own',
      'shared',
      'n2/bridge',
      'gone',
    ]);
  });

  test('of all hosts are those that the host which knows them has', () => {
    assert.deepEqual(allNetworks(hosts, home).map(shownName), ['n1/bridge', 'n1/own', 'shared', 'n2/bridge']);
    assert.equal(findNetwork(hosts, 'gone', home), undefined);
  });

  for (const [reference, id] of [
    ['own', 'own'],
    ['n1/own', 'own'],
    ['n2/own', undefined],
    ['bridge', undefined],
    ['n2/bridge', 'b2'],
    ['b2', 'b2'],
    ['shared', 'ov'],
    ['ow', 'own'],
    ['b', undefined],
    ['', undefined],
  ] as const) {
    test(`"${reference}" is ${id ?? 'none'}`, () =>
      assert.equal(findNetwork(hosts, reference)?.network.Id, id));
  }
});
