/** The registry of published containers, asked by what people ask a Consul with. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { eventually, execute } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const PORT = 8500;
const METRICS = 9180;
const DASHBOARD = new URL('../../docs/grafana-dashboard.json', import.meta.url);
const FIGURES = new URL('../../docs/metrics.md', import.meta.url);
const SLEEP = ['busybox', 'sleep', '100000'];

/** What a Prometheus has found. */
interface Series {
  metric: Record<string, string>;
  value: [number, string];
}

interface Dashboard {
  panels: Array<{ targets: Array<{ expr: string; legendFormat: string }> }>;
}

interface CatalogService {
  ServiceID: string;
  ServiceName: string;
  ServiceAddress: string;
  ServicePort: number;
  ServiceTags: string[];
  Node: string;
}

describe('the registry of published containers', { timeout: 240_000 }, () => {
  let swarm: Swarm;
  const addresses: Record<string, string> = {};
  const [a, b] = ['ra', 'rb'];
  before(async () => {
    const metrics = `metrics-host=tcp://0.0.0.0:${METRICS}`;
    const daemon = [`registry-host=tcp://0.0.0.0:${PORT}`, metrics];
    swarm = await Swarm.on({ name: a, daemon }, { name: b, daemon });
    for (const host of swarm.hosts) addresses[host] = await swarm.lab.address(host);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const run = (host: string, ...options: string[]): Promise<string> =>
    swarm.lab.docker(host, 'run', '-d', ...options, ...SLEEP);
  const ask = (path: string, options?: RequestInit): Promise<Response> =>
    fetch(`http://${addresses[a]}:${PORT}${path}`, options);
  const json = async <T>(path: string): Promise<T> => {
    const answer = await ask(path);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };
  const instances = async (service: string): Promise<string[]> => {
    const found = await json<CatalogService[]>(`/v1/catalog/service/${service}`);
    return found
      .map((each) => `${each.Node} ${each.ServiceAddress}:${each.ServicePort} ${each.ServiceTags.join()}`)
      .sort();
  };

  test('containers of one host and services of all, by mesh and by host', async () => {
    await run(b, '--name', 'plain', '-p', '8081:80', '-e', 'SERVICE_NAME=plain');
    await swarm.create('--name', 'mesh', '--replicas', '2', '-p', '8082:8080', '--label', 'x=y', 'whoami');
    const port = 'mode=host,target=8080,published=8083';
    const tags = ['--container-label', 'SERVICE_TAGS=blue,v1'];
    await swarm.create('--name', 'hosts', '--mode', 'global', '--publish', port, ...tags, 'whoami');
    await swarm.converge('mesh', 2);
    await swarm.converge('hosts', 2);
    const [at, bt] = [addresses[a], addresses[b]];
    await eventually('all is there', 10_000, async () => {
      const services = await json<Record<string, string[]>>('/v1/catalog/services');
      return Object.keys(services).sort().join() === 'hosts,mesh,plain';
    });
    assert.deepEqual(await instances('plain'), [`${b} ${bt}:8081 `]);
    assert.deepEqual(await instances('mesh'), [`${a} ${at}:8082 `, `${b} ${bt}:8082 `]);
    assert.deepEqual(await instances('hosts'), [`${a} ${at}:8083 blue,v1`, `${b} ${bt}:8083 blue,v1`]);
    const [{ ServiceID } = { ServiceID: '' }] = await json<CatalogService[]>('/v1/catalog/service/plain');
    assert.equal(ServiceID, `${b}:plain:80`);
  });

  test('whoever waits hears of a container that comes and goes', async () => {
    const first = await ask('/v1/health/service/late?passing=1');
    const index = first.headers.get('x-consul-index');
    assert.deepEqual(await first.json(), []);
    const next = ask(`/v1/health/service/late?passing=1&index=${index}&wait=60s`);
    await run(b, '--name', 'late', '-p', '80', '--label', 'SERVICE_NAME=late');
    const answer = await next;
    const found = (await answer.json()) as Array<{ Service: { ID: string; Port: number } }>;
    const port = await swarm.lab.docker(b, 'port', 'late', '80');
    assert.deepEqual(
      found.map(({ Service }) => `${Service.ID} ${Service.Port}`),
      [`${b}:late:80 ${port.split('\n')[0]!.split(':').at(-1)}`],
    );
    const later = ask(`/v1/health/service/late?index=${answer.headers.get('x-consul-index')}&wait=60s`);
    await swarm.lab.docker(b, 'rm', '-f', 'late');
    assert.deepEqual(await (await later).json(), []);
  });

  const dig = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr, code } = await execute(
      'dig',
      [`@${addresses[a]}`, '-p', '8600', '+short', '+tries=2', ...args],
      process.env,
    );
    assert.equal(code, 0, stderr + stdout);
    return stdout.split('\n').filter(Boolean).sort();
  };
  /** What a container is told by the name server of its network. */
  const lookUp = async (host: string, container: string, name: string, type = 'a'): Promise<string[]> => {
    const args = ['exec', container, 'busybox', 'nslookup', `-type=${type}`, name];
    const { stdout } = await swarm.lab.tryDocker(host, args);
    const found = stdout.matchAll(/^(?:Name:.*\nAddress: (\S+)|.*service = \d+ \d+ (.*))$/gm);
    return [...found].map(([, address, service]) => (address ?? service)!).sort();
  };

  test('names by DNS: of services on their hosts, by UDP and TCP', async () => {
    const [at, bt] = [addresses[a]!, addresses[b]!];
    assert.deepEqual(await dig('hosts.service.essaim'), [at, bt].sort());
    assert.deepEqual(await dig('blue.hosts.service.consul', '+tcp'), [at, bt].sort());
    const services = await dig('_mesh._tcp.service.consul', 'SRV');
    assert.deepEqual(services, [at, bt].map((ip) => `1 1 8082 ${hexOf(ip)}.addr.dc1.consul.`).sort());
    assert.deepEqual(await dig(`${b}.node.essaim`), [bt]);
    assert.deepEqual(await dig('nosuch.service.essaim'), []);
  });

  test('names within an overlay: tasks and containers of any host, at their own addresses', async () => {
    await swarm.docker(
      'network',
      'create',
      '-d',
      'overlay',
      '--attachable',
      '--subnet',
      '10.77.0.0/24',
      'inner',
    );
    const named = ['--container-label', 'SERVICE_8080_NAME=inside'];
    await swarm.create('--name', 'in', '--replicas', '2', '--network', 'inner', ...named, 'whoami');
    await swarm.converge('in', 2);
    await run(
      b,
      '--name',
      'one',
      '--network',
      'inner',
      '-e',
      'SERVICE_9000_NAME=own',
      '--label',
      'SERVICE_TAGS=x',
    );
    await run(a, '--name', 'asker', '--network', 'inner');
    const names = async (): Promise<string[]> => lookUp(a, 'asker', '_inside._tcp.service.essaim', 'srv');
    const found = await eventually('both are named', 20_000, async () => {
      const all = await names();
      return all.length === 2 && all;
    });
    for (const each of found) assert.match(each, /^8080 0a4d00[0-9a-f]{2}\.addr\.dc1\.essaim$/);
    const own = async (): Promise<string> => (await lookUp(a, 'asker', 'x.own.service.consul', 'srv')).join();
    await eventually('the container of the other host is named', 20_000, async () =>
      /^9000 0a4d00[0-9a-f]{2}\.addr\.dc1\.consul$/.test(await own()),
    );
    const [address] = await lookUp(a, 'asker', 'own.service.essaim');
    assert.equal(
      await swarm.lab.docker(b, 'inspect', '-f', '{{.NetworkSettings.Networks.inner.IPAddress}}', 'one'),
      address,
    );
    for (const host of swarm.hosts)
      assert.deepEqual(await lookUp(a, 'asker', `${host}.node.essaim`), [addresses[host]]);
    assert.deepEqual(await lookUp(a, 'asker', 'nosuch.node.essaim'), []);
    await swarm.lab.docker(b, 'pause', 'one');
    await eventually('nobody is led to one that is paused', 20_000, async () => (await own()) === '');
    await swarm.lab.docker(b, 'unpause', 'one');
    await eventually('it is back', 20_000, async () => (await own()) !== '');
    // It does not listen to SIGTERM.
    const stopped = swarm.lab.docker(b, 'stop', '-t', '10', 'one');
    await eventually('nobody is led to one that is to stop', 8_000, async () => (await own()) === '');
    const running = ['inspect', '-f', '{{.State.Running}}', 'one'];
    assert.equal(await swarm.lab.docker(b, ...running), 'true');
    assert.equal(await stopped, 'one');
    assert.equal(await swarm.lab.docker(b, ...running), 'false');
    assert.equal(await swarm.lab.docker(b, 'stop', 'one'), 'one');
    await swarm.lab.docker(b, 'start', 'one');
    await eventually('it is back', 20_000, async () => (await own()) !== '');
  });

  test('over a restart of the manager whoever waits misses nothing, and keys are there', async () => {
    assert.equal(await (await ask('/v1/kv/x/y', { method: 'PUT', body: 'kept' })).text(), 'true');
    const before = await ask('/v1/health/service/plain?passing=1');
    const index = Number(before.headers.get('x-consul-index'));
    assert.equal(((await before.json()) as unknown[]).length, 1);
    const waiting = ask(`/v1/health/service/plain?passing=1&index=${index}&wait=60s`).catch(() => undefined);
    await swarm.lab.ssh(a, 'kill $(cut -d" " -f1 /run/essaim.process)');
    assert.equal(await waiting, undefined);
    // While nobody looks.
    await swarm.lab.docker(b, 'rm', '-f', 'plain');
    await swarm.lab.must('start', a);
    // Asked with what is known from before, it answers at once with what is so now.
    const after = await eventually('it answers', 30_000, () =>
      ask(`/v1/health/service/plain?passing=1&index=${index}&wait=60s`).catch(() => undefined),
    );
    assert.deepEqual(await after.json(), []);
    assert.ok(Number(after.headers.get('x-consul-index')) > index);
    assert.deepEqual(Object.keys(await json<object>('/v1/catalog/services')).sort(), ['hosts', 'mesh']);
    assert.equal(await (await ask('/v1/kv/x/y?raw')).text(), 'kept');
  });

  test('it says what docker ps says on all hosts', async () => {
    const wanted: string[] = [];
    for (const host of swarm.hosts) {
      const rows = await swarm.lab.docker(host, 'ps', '--format', '{{.Names}}\t{{.Ports}}');
      for (const row of rows.split('\n').filter(Boolean)) {
        const [name, ports = ''] = row.split('\t');
        if (ports.includes('->') || name!.startsWith('mesh.')) wanted.push(`${host}:${name}`);
      }
    }
    const checks = await json<Array<{ ServiceID: string }>>('/v1/health/state/any');
    const found = checks.flatMap(({ ServiceID }) => (ServiceID ? [ServiceID.replace(/:\d+$/, '')] : []));
    assert.deepEqual(found.sort(), wanted.sort());
  });

  test('figures: of each daemon, found by Prometheus as nodes of a swarm', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'service-registry-'));
    const config = join(folder, 'prometheus.yml');
    await writeFile(
      config,
      `scrape_configs:
- job_name: essaim
  scrape_interval: 1s
  dockerswarm_sd_configs:
  - {host: 'unix://${swarm.lab.socket(a)}', role: nodes, port: ${METRICS}, refresh_interval: 1s}
  relabel_configs:
  - {source_labels: [__meta_dockerswarm_node_hostname], target_label: host}
`,
    );
    const port = await freePort();
    const flags = [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + String(chunk)).slice(-4000);
    });
    const series = async (text: string): Promise<Series[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`;
      const answer = await fetch(url).catch(() => undefined);
      if (!answer?.ok) return [];
      return ((await answer.json()) as { data: { result: Series[] } }).data.result;
    };
    const query = async (text: string): Promise<string> =>
      (await series(text))
        .map(({ metric, value }) => `${metric.host} ${value[1]}`)
        .sort()
        .join();
    try {
      const why = async (): Promise<string> => said;
      await eventually('both are up', 30_000, async () => (await query('up')) === `${a} 1,${b} 1`, why);
      assert.equal(await query('essaim_nodes{state="ready"}'), `${a} 2`);
      assert.equal(await query('essaim_tasks{state="running"}'), `${a} 6`);
      assert.equal(await query('essaim_leader'), `${a} 1,${b} 0`);
      await swarm.docker('service', 'scale', '--detach', 'mesh=3');
      const counts = ['store_commit', 'dispatch', 'network_apply'].map(
        (each) => `essaim_${each}_seconds_count`,
      );
      for (const name of counts)
        await eventually(`${name} has counted`, 30_000, async () => /^ra [1-9]/.test(await query(name)), why);
      const scaled = 'sum by (host, code) (essaim_api_requests_total{route="/services/{id}/update"})';
      await eventually(
        'the request was counted',
        30_000,
        async () => (await query(scaled)) === `${a} 1`,
        why,
      );
      assert.equal(await query('essaim_registry_services'), `${a} 2`);
      // Each line of each panel of the dashboard has a number to show, and what its legend says.
      const dashboard = JSON.parse(await readFile(DASHBOARD, 'utf8')) as Dashboard;
      const lines = dashboard.panels.flatMap(({ targets }) => targets);
      assert.ok(lines.length > 15);
      for (const { expr, legendFormat } of lines) {
        const shown = async (): Promise<boolean> =>
          (await series(expr)).some(
            ({ metric, value }) =>
              value[1] !== 'NaN' &&
              [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].every(([, label]) => metric[label!] !== undefined),
          );
        await eventually(`${expr} has a number`, 30_000, shown, why);
      }
      // Each figure of a manager that leads is in the documentation, and the other way round.
      const text = await (await fetch(`http://${addresses[a]}:${METRICS}/metrics`)).text();
      const there = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!);
      const table = (await readFile(FIGURES, 'utf8')).split('\n').filter((line) => line.startsWith('| `'));
      const told = table.flatMap((line) =>
        [...line.split('|')[1]!.matchAll(/`(\w+)(\{[^`]*)?`/g)].map(([, name]) => name!),
      );
      assert.deepEqual(there.sort(), told.sort());
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('another manager says the same, goes on with the indexes, and takes keys', async () => {
    const first = await ask('/v1/health/service/hosts?passing=1');
    const index = Number(first.headers.get('x-consul-index'));
    const wanted = await first.json();
    await swarm.docker('node', 'promote', b);
    const there = (path: string, options?: RequestInit): Promise<Response | undefined> =>
      fetch(`http://${addresses[b]}:${PORT}${path}`, options).catch(() => undefined);
    const answer = await eventually('it answers', 60_000, async () => {
      const got = await there(`/v1/health/service/hosts?passing=1&index=${index}&wait=60s`);
      return got?.status === 200 && got;
    });
    assert.ok(Number(answer.headers.get('x-consul-index')) > index);
    const ids = (rows: unknown): string[] =>
      (rows as Array<{ Service: { ID: string } }>).map(({ Service }) => Service.ID).sort();
    assert.deepEqual(ids(await answer.json()), ids(wanted));
    assert.equal(await (await there('/v1/kv/by/b', { method: 'PUT', body: 'there' }))!.text(), 'true');
    assert.equal(await (await ask('/v1/kv/by/b?raw')).text(), 'there');
    assert.equal(await (await there('/v1/kv/x/y?raw'))!.text(), 'kept');
  });
});

const hexOf = (address: string): string => Buffer.from(address.split('.').map(Number)).toString('hex');
