/** Programs that ask a Consul, on the registry: hosts are engines in memory, the clients are real. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Consul from 'consul';
import { run } from '../../src/machine/exec.ts';
import { RegistryDns } from '../../src/registry/dns.ts';
import { TestRegistry } from '../../src/registry/testing/registry.ts';
import { freePort } from '../support/free-port.ts';
import { eventually, execute } from '../support/lab.ts';

/** An address of this machine that nobody else answers at. */
const NAME_SERVER = '127.85.0.53';
const PROMETHEUS = fileURLToPath(new URL('../support/prometheus.sh', import.meta.url));

describe('clients of a Consul on the registry', { timeout: 120_000 }, () => {
  let registry: TestRegistry;
  let folder: string;
  let consul: Consul;
  const children: ChildProcess[] = [];
  before(async () => {
    registry = await TestRegistry.start({ hosts: ['alpha', 'beta'] });
    folder = await mkdtemp(join(tmpdir(), 'registry-clients-'));
    const [host, port] = registry.address.split(':');
    consul = new Consul({ host: host!, port: Number(port) });
    await start('alpha', 'web1', 8080, { SERVICE_NAME: 'web', SERVICE_TAGS: 'blue', SERVICE_TEAM: 'a' });
    await start('beta', 'web2', 8081, { SERVICE_NAME: 'web', SERVICE_TAGS: 'green' });
    await eventually(
      'both are there',
      10_000,
      async () => registry.follower.catalog.service('web').length === 2,
    );
  });
  after(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await registry?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const start = async (host: string, name: string, port: number, Labels: object): Promise<string> => {
    const engine = registry.engines.get(host)!.client;
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } };
    const body = { Image: 'busybox', Labels, HostConfig };
    const { Id } = await engine.json<{ Id: string }>('POST', '/containers/create', { query: { name }, body });
    await engine.json('POST', `/containers/${Id}/start`);
    return Id;
  };
  const remove = (host: string, id: string): Promise<unknown> =>
    registry.engines.get(host)!.client.json('DELETE', `/containers/${id}`, { query: { force: 1 } });

  test("npm's consul: catalog, health, keys, a lock, a watch that hears of each change", async () => {
    assert.deepEqual(await consul.catalog.service.list(), { web: ['blue', 'green'] });
    const nodes = await consul.catalog.node.list();
    assert.deepEqual(
      nodes.map(({ Node }: { Node: string }) => Node),
      ['alpha', 'beta'],
    );
    const passing = await consul.health.service({ service: 'web', passing: true });
    assert.equal((passing as unknown as unknown[]).length, 2);
    assert.equal(await consul.status.leader(), '10.0.0.1:2377');
    assert.equal(await consul.kv.set('a/b', 'hello'), true);
    assert.equal((await consul.kv.get('a/b'))!.Value, 'hello');
    assert.notEqual(await consul.kv.set({ key: 'a/b', value: 'no', cas: '1' } as never), true);
    assert.deepEqual(await consul.kv.keys('a/'), ['a/b']);
    assert.equal(await consul.kv.get('nosuch'), undefined);
    const { ID } = await consul.session.create({ ttl: '10s', behavior: 'delete' });
    assert.equal(await consul.kv.set({ key: 'lock', value: 'me', acquire: ID }), true);
    assert.equal((await consul.session.renew(ID))[0]!.ID, ID);
    await consul.session.destroy(ID);
    assert.equal(await consul.kv.get('lock'), undefined);

    const seen: number[] = [];
    const watch = consul.watch({
      method: consul.health.service,
      options: { service: 'web', wait: '60s' } as never,
    });
    watch.on('change', (all: unknown[]) => seen.push(all.length));
    watch.on('error', (error: Error) => assert.fail(error.message));
    await eventually('it knows two', 10_000, async () => seen.at(-1) === 2);
    const third = await start('beta', 'web3', 8082, { SERVICE_NAME: 'web' });
    await eventually('it knows three', 10_000, async () => seen.at(-1) === 3);
    await remove('beta', third);
    await eventually('it knows two again', 10_000, async () => seen.at(-1) === 2);
    watch.end();
  });

  test("Debian's python3-consul", async () => {
    const [host, port] = registry.address.split(':');
    const program = `
import consul
c = consul.Consul(host='${host}', port=${port})
index, services = c.catalog.services()
assert services == {'web': ['blue', 'green']}, services
index, rows = c.health.service('web', passing=True, tag='blue')
assert [(r['Node']['Node'], r['Service']['Port'], r['Service']['Meta']) for r in rows] == [('alpha', 8080, {'team': 'a'})], rows
assert int(index) > 0
index, nodes = c.catalog.nodes()
assert [n['Node'] for n in nodes] == ['alpha', 'beta'], nodes
assert c.catalog.node('alpha')[1]['Services']['alpha:web1:80']['Service'] == 'web'
assert c.agent.self()['Config']['NodeName'] == 'alpha'
assert c.kv.put('p/q', 'x', flags=7)
index, key = c.kv.get('p/q')
assert key['Value'] == b'x' and key['Flags'] == 7, key
s = c.session.create(name='n', ttl=10, behavior='delete', lock_delay=1)
_, session = c.session.info(s)
assert [session[k] for k in ('Name', 'TTL', 'Behavior', 'LockDelay')] == ['n', '10s', 'delete', 1e9], session
assert c.kv.put('p/lock', 'me', acquire=s)
assert c.kv.get('p/lock')[1]['Session'] == s
assert c.kv.put('p/lock', 'me', release=s)
assert c.session.destroy(s)
assert c.kv.delete('p/', recurse=True)
assert c.kv.get('p/q')[1] is None
index, rows = c.kv.get('p/q', index=index, wait='1s')
print('done')
`;
    const file = join(folder, 'ask.py');
    await writeFile(file, program);
    const { code, stdout, stderr } = await execute('/usr/bin/python3', [file], process.env);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), 'done');
  });

  test('Prometheus finds its targets by consul_sd_configs', async () => {
    // The last one of Debian's that knows them (findings/prometheus-without-consul.sh).
    const program = (await run(PROMETHEUS, [])).trim();
    const prometheus = await scraping(
      program,
      `  consul_sd_configs:
  - {server: '${registry.address}', services: [web, other], tags: [], refresh_interval: 1s}`,
    );
    const two = ['10.0.0.1:8080 web alpha ,blue, a', '10.0.0.2:8081 web beta ,green, '].join('\n');
    const labels = ['address__', 'meta_consul_service', 'meta_consul_node', 'meta_consul_tags'];
    const seen = (): Promise<string> => prometheus.targets(...labels, 'meta_consul_service_metadata_team');
    await eventually('it has both', 30_000, async () => (await seen()) === two, prometheus.state);
    const more = await start('beta', 'web5', 8085, { SERVICE_NAME: 'other' });
    await eventually('it has the third', 30_000, async () => (await seen()).includes(':8085 other beta'));
    await remove('beta', more);
    await eventually('it is gone', 30_000, async () => (await seen()) === two, prometheus.state);
  });

  test("Debian's Prometheus finds its targets by dns_sd_configs", async () => {
    const names = await RegistryDns.start(
      { host: NAME_SERVER, port: 53 },
      () => registry.follower.catalog,
      (error) => assert.fail(error.message),
    );
    await using _ = { [Symbol.asyncDispose]: () => names.close() };
    const prometheus = await scraping(
      'prometheus',
      `  dns_sd_configs:
  - names: [_web._tcp.service.consul, other.service.essaim]
    refresh_interval: 1s`,
    );
    const two = await addresses();
    assert.equal(two.split('\n').length, 2);
    const seen = (): Promise<string> => prometheus.targets('address__');
    await eventually('it has both', 30_000, async () => (await seen()) === two, prometheus.state);
    const more = await start('beta', 'web4', 8084, { SERVICE_NAME: 'other' });
    await eventually('it has the third', 30_000, async () => (await seen()).includes('8084'));
    await remove('beta', more);
    await eventually('it is gone', 30_000, async () => (await seen()) === two, prometheus.state);
  });

  /** Starts a Prometheus that has the registry's DNS for its name server. @param discovery of its one job, as YAML */
  const scraping = async (program: string, discovery: string) => {
    const home = await mkdtemp(join(folder, 'prometheus-'));
    const [config, resolv] = [join(home, 'prometheus.yml'), join(home, 'resolv.conf')];
    await writeFile(resolv, `nameserver ${NAME_SERVER}\n`);
    await writeFile(config, `scrape_configs:\n- job_name: registry\n${discovery}\n`);
    const address = `127.0.0.1:${await freePort()}`;
    const flags = [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${join(home, 'data')}`],
      `--web.listen-address=${address}`,
    ];
    const script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
    const child = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', resolv, program, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + String(chunk)).slice(-4000);
    });
    /** A line for each, of the labels with these names, which all begin with `__`. */
    const targets = async (...labels: string[]): Promise<string> => {
      const answer = await fetch(`http://${address}/api/v1/targets?state=active`).catch(() => undefined);
      if (!answer?.ok) return '';
      const { data } = (await answer.json()) as {
        data: { activeTargets: Array<{ discoveredLabels: Record<string, string> }> };
      };
      return data.activeTargets
        .map(({ discoveredLabels }) => labels.map((label) => discoveredLabels[`__${label}`] ?? '').join(' '))
        .sort()
        .join('\n');
    };
    return { targets, state: async () => `${await targets('address__')}\n${said}` };
  };

  /** As Prometheus has them. */
  const addresses = async (): Promise<string> => {
    const rows = (await consul.catalog.service.nodes('web')) as unknown as Array<{
      ServiceAddress: string;
      ServicePort: number;
    }>;
    return rows
      .map(({ ServiceAddress, ServicePort }) => `${nameOf(ServiceAddress)}:${ServicePort}`)
      .sort()
      .join('\n');
  };
});

const nameOf = (address: string): string =>
  `${Buffer.from(address.split('.').map(Number)).toString('hex')}.addr.dc1.consul`;
