import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ListedContainer } from '../../fleet/records.ts';
import { host, record } from '../testing/hosts.ts';
import { inspectedOn, listContainers } from './containers.ts';

const NOW = Date.parse('2026-01-01T00:01:30Z');
const listed = (name: string, changes: object) => ({ ...record(name, name).listed, ...changes });
const exited = {
  ...record('', '').state,
  Status: 'exited',
  Running: false,
  ExitCode: 3,
  FinishedAt: '2026-01-01T00:01:00Z',
};
const hosts = [
  host('n1', [
    record('a1', 'web', {
      listed: listed('web', {
        Created: 3,
        Names: ['/web', '/other/alias'],
        Ports: [
          { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
          { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
          { IP: '10.9.9.9', PrivatePort: 81, PublicPort: 81, Type: 'tcp' },
          { PrivatePort: 82, Type: 'tcp' },
        ],
      }),
      labels: { tier: 'a' },
    }),
    record('a2', 'old', { listed: listed('old', { Created: 1 }), state: exited }),
  ]),
  host('n2', [record('b1', 'db', { listed: listed('db', { Created: 2 }) })]),
  host('n3', [record('c1', 'lost', { listed: listed('lost', { Created: 4 }) })], { status: 'Unhealthy' }),
  host('n4', [record('d1', 'agent', { listed: listed('agent', { Created: 0 }), image: 'swarm:1.2.9' })]),
];
const rows = (query: Record<string, string> = {}): ListedContainer[] =>
  JSON.parse(listContainers(hosts, new URLSearchParams(query), NOW)) as ListedContainer[];
const names = (query: Record<string, string>): string =>
  rows(query)
    .map(({ Names }) => Names[0])
    .join(' ');
const by = (filters: object): string => names({ all: '1', filters: JSON.stringify(filters) });

describe('the list of containers', () => {
  test('has those that run on hosts that answer, newest first, named by their hosts', () => {
    assert.equal(names({}), '/n1/web /n2/db');
    assert.equal(names({ all: '1' }), '/n3/lost /n1/web /n2/db /n1/old /n4/agent');
    assert.equal(names({ limit: '1' }), '/n3/lost');
    assert.equal(names({ before: 'web' }), '/n2/db /n1/old /n4/agent');
    assert.equal(names({ since: 'db' }), '/n1/web');
  });

  test('has what is on an engine with two addresses once', () => {
    const own = record('a1', 'web');
    const facts = host('n1', []).facts!;
    const twins = [host('n1', [own]), host('other', [own, record('a2', 'copied')], { facts })];
    const listed = JSON.parse(listContainers(twins, new URLSearchParams(), NOW)) as ListedContainer[];
    assert.deepEqual(listed.map(({ Id }) => Id).sort(), ['a1', 'a2']);
  });

  test('shows the address of the host in ports, each once, and what the containers are called there', () => {
    const [web] = rows();
    assert.deepEqual(web!.Names, ['/n1/web', '/n1/other/alias']);
    assert.deepEqual(
      web!.Ports!.map(({ IP, PublicPort }) => `${IP}:${PublicPort}`),
      ['10.0.0.1:8080', '10.9.9.9:81', 'undefined:undefined'],
    );
    assert.equal(web!.Status, 'Up About a minute');
  });

  test('says of a host that is lost that it is down', () => {
    const [lost] = rows({ all: '1' });
    assert.equal(lost!.Status, 'Host Down');
  });

  test('is narrowed by filters', () => {
    assert.equal(by({ name: ['we'] }), '/n1/web');
    assert.equal(by({ name: ['^/web$'] }), '/n1/web');
    assert.equal(by({ name: ['n1/web'] }), '');
    assert.equal(by({ id: ['b'] }), '/n2/db');
    assert.equal(by({ node: ['n2', 'N4'] }), '/n2/db /n4/agent');
    assert.equal(by({ label: ['tier=a'] }), '/n1/web');
    assert.equal(by({ exited: ['3'] }), '/n1/old');
    assert.equal(names({ filters: '{"status":{"exited":true}}' }), '/n1/old');
    assert.equal(by({ ancestor: ['swarm'] }), '/n4/agent');
    for (const ports of ['8080', '8080/tcp', '8000-9000']) assert.equal(by({ publish: [ports] }), '/n1/web');
    assert.equal(by({ publish: ['82'] }), '');
    assert.equal(by({ publish: ['8080/udp'] }), '');
    assert.equal(by({ expose: ['82/tcp'] }), '/n1/web');
    assert.throws(() => by({ publish: ['x'] }), { status: 400 });
    assert.equal(by({ unknown: ['x'] }), '/n3/lost /n1/web /n2/db /n1/old /n4/agent');
    assert.throws(() => by({ exited: ['x'] }), { status: 400 });
    assert.throws(() => names({ filters: 'no' }), { status: 400 });
  });

  test('and what is inspected has its host', () => {
    const [n1] = hosts;
    const inspected = inspectedOn(
      { host: n1!, container: n1!.containers.get('a1')! },
      {
        Id: 'a1',
        NetworkSettings: {
          Ports: {
            '80/tcp': [
              { HostIp: '0.0.0.0', HostPort: '8080' },
              { HostIp: '::', HostPort: '8080' },
            ],
          },
        },
      },
    );
    assert.deepEqual(inspected.NetworkSettings.Ports, {
      '80/tcp': [{ HostIp: '10.0.0.1', HostPort: '8080' }],
    });
    const { Node } = inspected as unknown as { Node: object };
    assert.deepEqual(Node, {
      ...{ ID: 'N1|n1:2375', IP: '10.0.0.1', Addr: 'n1:2375', Name: 'n1' },
      ...{ Cpus: 2, Memory: 8e9, Labels: {} },
    });
  });
});
