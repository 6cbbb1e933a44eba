import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { candidate, occupant, wish } from '../testing/candidates.ts';
import type { Candidate } from './candidate.ts';
import type { Ask } from './container-config.ts';
import { FILTERS } from './filters.ts';

const kept = (name: string, ask: Ask, candidates: readonly Candidate[], soft = true): string =>
  FILTERS.find((filter) => filter.name === name)!
    .keep(ask, candidates, soft)
    .map((each) => each.name)
    .join(' ');
const asks = (name: string, ask: Ask): string[] => FILTERS.find((filter) => filter.name === name)!.asks(ask);

describe('filters', () => {
  test('are seven, in their order', () => {
    assert.equal(
      FILTERS.map(({ name }) => name).join(', '),
      'health, port, containerslots, dependency, affinity, constraint, whitelist',
    );
  });

  test('health', () => {
    const hosts = [
      candidate('n1'),
      candidate('n2', { healthy: false, health: 0 }),
      candidate('n3', { health: 0 }),
    ];
    assert.equal(kept('health', wish({}), hosts), 'n1');
  });

  test('port: stopped containers keep theirs, protocols are not told apart, addresses are', () => {
    const on = (ip: string) => occupant('c', { ports: [{ ip, port: 8080 }] });
    const hosts = [
      candidate('any', { occupants: [on('')] }),
      candidate('v6', { occupants: [on('::')] }),
      candidate('one', { occupants: [on('10.0.0.1')] }),
      candidate('free'),
    ];
    const at = (ip: string) => wish({ ports: [{ ip, port: 8080 }] });
    assert.equal(kept('port', at(''), hosts), 'free');
    assert.equal(kept('port', at('0.0.0.0'), hosts), 'free');
    assert.equal(kept('port', at('10.0.0.1'), hosts), 'free');
    assert.equal(kept('port', at('10.0.0.2'), hosts), 'one free');
    assert.equal(kept('port', wish({ ports: [{ ip: '', port: 81 }] }), hosts), 'any v6 one free');
    assert.deepEqual(asks('port', at('')), ['port 8080 (Bridge mode)']);
  });

  test('port: what a host has taken besides its containers is taken', () => {
    const hosts = [candidate('n1', { ports: [{ ip: '', port: 8080 }] }), candidate('n2')];
    assert.equal(kept('port', wish({ ports: [{ ip: '10.0.0.1', port: 8080 }] }), hosts), 'n2');
  });

  test('port: on the network of the host exposed ports are compared', () => {
    const hosts = [
      candidate('n1', { occupants: [occupant('c', { networkMode: 'host', exposed: ['80/tcp'] })] }),
      candidate('n2', { occupants: [occupant('c', { networkMode: 'bridge', exposed: ['80/tcp'] })] }),
    ];
    const ask = wish({ networkMode: 'host', exposed: ['80/tcp'] });
    assert.equal(kept('port', ask, hosts), 'n2');
    assert.deepEqual(asks('port', ask), ['port 80/tcp (Host mode)']);
  });

  test('containerslots', () => {
    const full = { occupants: [occupant('a'), occupant('b')] };
    const hosts = [
      candidate('full', { ...full, labels: { containerslots: '2' } }),
      candidate('room', { ...full, labels: { containerslots: '3' } }),
      candidate('word', { ...full, labels: { containerslots: 'many' } }),
      candidate('none', full),
    ];
    assert.equal(kept('containerslots', wish({}), hosts), 'room word none');
    assert.deepEqual(asks('containerslots', wish({})), ['available container slots']);
  });

  test('dependency: all of them on one host', () => {
    const hosts = [
      candidate('n1', { occupants: [occupant('db')] }),
      candidate('n2', { occupants: [occupant('db2'), occupant('data')] }),
      candidate('n3', { occupants: [occupant('db'), occupant('data')] }),
    ];
    assert.equal(kept('dependency', wish({ links: ['db:alias'] }), hosts), 'n1 n3');
    assert.equal(kept('dependency', wish({ links: ['db'], volumesFrom: ['data:ro'] }), hosts), 'n3');
    assert.equal(kept('dependency', wish({ networkMode: 'container:id-of-data' }), hosts), 'n2 n3');
    assert.equal(kept('dependency', wish({ networkMode: 'container:n3/db' }), hosts), 'n3');
    assert.equal(kept('dependency', wish({ links: ['nosuch'] }), hosts), '');
    assert.deepEqual(asks('dependency', wish({ links: ['k1', 'k18'], networkMode: 'container:x' })), [
      '--link=k1',
      '--link=k18',
      '--net=container:x',
    ]);
  });

  test('affinity: containers by name or full id, images, labels', () => {
    const hosts = [
      candidate('n1', { occupants: [occupant('db', { labels: { tier: 'a' } })] }),
      candidate('n2', { occupants: [occupant('web', { id: '0123456789abcdef' })] }),
      candidate('n3', { images: [{ id: 'sha256:feed', names: ['nginx:1.9', 'host:5000/redis:7'] }] }),
    ];
    const by = (...affinities: string[]): string => kept('affinity', wish({ affinities }), hosts);
    assert.equal(by('container==db'), 'n1');
    assert.equal(by('container!=db'), 'n2 n3');
    assert.equal(by('container==0123456789abcdef'), 'n2');
    assert.equal(by('container==0123456789ab'), '');
    assert.equal(by('image==nginx'), 'n3');
    assert.equal(by('image==nginx:1.9'), 'n3');
    assert.equal(by('image==host:5000/redis'), 'n3');
    assert.equal(by('image==feed'), 'n3');
    assert.equal(by('tier==a'), 'n1');
    assert.equal(by('tier!=a'), 'n2 n3');
    assert.equal(by('tier!=a', 'container!=web'), 'n3');
    assert.deepEqual(asks('affinity', wish({ affinities: ['image==nosuch', 'tier!=~a'] })), [
      'image==nosuch (soft=false)',
      'tier!=a (soft=true)',
    ]);
  });

  test('constraint: the host by name or id, its labels', () => {
    const hosts = [
      candidate('n1', { labels: { storage: 'ssd' } }),
      candidate('n2', { labels: { storage: 'disk' } }),
    ];
    const by = (...constraints: string[]): string => kept('constraint', wish({ constraints }), hosts);
    assert.equal(by('node==n1'), 'n1');
    assert.equal(by('node==N2'), 'n2');
    assert.equal(by('storage!=ssd'), 'n2');
    assert.equal(by('nosuch!=x'), 'n1 n2');
    assert.equal(by('storage==ssd', 'node!=n1'), '');
    assert.equal(kept('constraint', wish({ constraints: ['node==~n9'] }), hosts, false), 'n1 n2');
    assert.deepEqual(asks('constraint', wish({ constraints: ['node==n9'] })), ['node==n9']);
  });

  test('whitelist: names, exactly, whatever its key', () => {
    const hosts = [candidate('a'), candidate('ab'), candidate('b')];
    assert.equal(kept('whitelist', wish({ whitelists: ['node==a|b'] }), hosts), 'a b');
    assert.equal(kept('whitelist', wish({ whitelists: ['other!=ab'] }), hosts), 'ab');
    assert.deepEqual(asks('whitelist', wish({ whitelists: ['node==a|b'] })), ['node==a|b (soft=false)']);
  });
});
