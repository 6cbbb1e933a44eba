/** The nodes of a swarm as one engine, served by several managers: over TLS, by all of them at once, and a host that dies. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { certificates } from '../support/certificates.ts';
import { engineFolder } from '../support/engine-folder.ts';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

/** Every address that a lab host may have. */
const ADDRESSES = Array.from({ length: 154 }, (_, i) => `192.168.99.${101 + i}`);
const COMPOSE = `
services:
  web:
    image: whoami
    ports: ["8080"]
    networks: {default: {aliases: [page]}}
  php:
    image: busybox
    command: sleep 100000
`;
const SLEEP = ['busybox', 'sleep', '100000'];

describe('a swarm with several managers as one engine', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  let folder: string;
  const hosts = ['ma', 'mb', 'mc'] as const;
  const [a, b, c] = hosts;
  before(async () => {
    folder = await mkdtemp('/var/tmp/essaim-certs-');
    for (const name of ['own', 'other']) {
      await mkdir(join(folder, name));
      certificates(join(folder, name), ADDRESSES);
    }
    const file = (name: string): string => join(folder, 'own', name);
    const tls = [`tlscacert=${file('ca.pem')}`, `tlscert=${file('cert.pem')}`, `tlskey=${file('key.pem')}`];
    swarm = await Swarm.on({ name: a, daemon: ['token-host=tcp://0.0.0.0:4243', ...tls] }, b, c);
    for (const host of [b, c]) await swarm.docker('node', 'promote', host);
    await eventually('three managers', 60_000, async () => {
      const states = await swarm.managers(a);
      if (!/Leader/.test(states) || states.match(/Reachable/g)?.length !== 2) return false;
      const known = await Promise.all(hosts.map((host) => at(host, 'info')));
      return known.every(({ stdout }) => [...stdout.matchAll(/Status: Healthy/g)].length === 3);
    });
  });
  after(async () => {
    await swarm?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    const { stdout } = await at(a, 'ps', '-aq');
    if (stdout !== '') await at(a, 'rm', '-fv', ...stdout.trim().split('\n'));
  });

  /** The docker CLI at the endpoint of that manager. */
  const at = (host: string, ...args: string[]): Promise<Outcome> => {
    const socket = swarm.lab.socket(host).replace(/docker\.sock$/, 'cluster.sock');
    return execute('docker', args, { ...process.env, DOCKER_HOST: `unix://${socket}` });
  };
  const must = async (host: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await at(host, ...args);
    assert.equal(code, 0, `docker ${args.join(' ')} at ${host}: ${stderr}`);
    return stdout.trim();
  };

  test('over TCP it wants a certificate of its authority, and shows one', async () => {
    const ip = await swarm.lab.address(a);
    const ask = (certs: string | undefined, ...args: string[]): Promise<Outcome> =>
      execute('docker', args, {
        ...process.env,
        DOCKER_HOST: `tcp://${ip}:3376`,
        ...(certs && { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(folder, certs) }),
      });
    const info = await ask('own', 'info');
    assert.match(info.stdout, / Nodes: 3\n/, info.stderr);
    const ran = await ask('own', 'run', '--rm', 'busybox', 'echo', 'hello');
    assert.equal(ran.stdout, 'hello\n', ran.stderr);
    assert.match((await ask('other', 'ps')).stderr, /certificate signed by unknown authority/);
    assert.notEqual((await ask(undefined, 'ps')).code, 0);
    const bare = ['-sk', `https://${ip}:3376/_ping`];
    assert.notEqual((await execute('curl', bare, process.env)).code, 0);
    const strange = ['--cert', join(folder, 'other/cert.pem'), '--key', join(folder, 'other/key.pem')];
    assert.notEqual((await execute('curl', [...strange, ...bare], process.env)).code, 0);
  });

  test('a manager serves tokens', async () => {
    const service = `http://${await swarm.lab.address(a)}:4243/v1`;
    const command = (...args: string[]): Promise<Outcome> =>
      execute('bin/swarm', args, { ...process.env, SWARM_DISCOVERY_SERVICE: service });
    const { stdout } = await command('create');
    const token = stdout.trim();
    assert.match(token, /^[0-9a-f]{32}$/);
    const body = ['-sf', '-d', '10.0.0.7:2375', `${service}/clusters/${token}?ttl=60`];
    assert.equal((await execute('curl', body, process.env)).code, 0);
    assert.equal((await command('list', `token://${token}`)).stdout, '10.0.0.7:2375\n');
  });

  test('names and ports are given once, whichever manager is asked, and seen there at once', async () => {
    const everywhere = (...args: string[]): Promise<Outcome[]> =>
      Promise.all([...hosts, ...hosts].map((host) => at(host, ...args)));
    const done = (outcomes: readonly Outcome[]): number => outcomes.filter(({ code }) => code === 0).length;
    const same = await everywhere('run', '-d', '--name', 'same', ...SLEEP);
    assert.equal(done(same), 1, same.map(({ stderr }) => stderr).join(''));
    for (const { code, stderr } of same)
      if (code !== 0) assert.match(stderr, /The name same is already assigned/);
    const ports = await everywhere('run', '-d', '-p', '8099:8080', 'whoami');
    assert.equal(done(ports), 3, ports.map(({ stderr }) => stderr).join(''));
    await everywhere('run', '-d', ...SLEEP);
    const names = (await must(b, 'ps', '--format', '{{.Names}}')).split('\n');
    const counts = Map.groupBy(names, (name) => name.split('/')[0]);
    assert.deepEqual([...counts.values()].map(({ length }) => length).sort(), [3, 3, 4]);
    for (const host of hosts) {
      await must(host, 'create', '--name', `of-${host}`, ...SLEEP);
      assert.match(await must(host, 'ps', '-a', '--filter', `name=of-${host}`), /Created/);
      await must(host, 'rename', `of-${host}`, `by-${host}`);
      assert.match((await at(host, 'rename', `by-${host}`, 'same')).stderr, /The name same is already/);
    }
  });

  test('Compose v2: up, scale, names and aliases over the hosts, down', async () => {
    const engine = (await engineFolder('28'))!;
    const project = join(folder, 'shop');
    await mkdir(project);
    const file = join(project, 'compose.yaml');
    await writeFile(file, COMPOSE);
    const compose = async (...args: string[]): Promise<string> => {
      const socket = swarm.lab.socket(a).replace(/docker\.sock$/, 'cluster.sock');
      const { code, stdout, stderr } = await execute(
        join(engine, 'docker'),
        ['compose', '-f', file, ...args],
        {
          ...process.env,
          DOCKER_CONFIG: join(dirname(engine), 'config'),
          DOCKER_HOST: `unix://${socket}`,
        },
      );
      assert.equal(code, 0, `docker compose ${args.join(' ')}: ${stderr}`);
      return stdout.trim();
    };
    await compose('up', '-d', '--scale', 'web=3');
    const nodes = (await must(a, 'ps', '--format', '{{.Names}}', '--filter', 'name=shop-'))
      .split('\n')
      .map((name) => name.split('/')[0]);
    assert.equal(new Set(nodes).size, 3);
    for (const name of ['web', 'page', 'shop-web-1', 'shop-web-3'])
      assert.match(await compose('exec', '-T', 'php', 'ping', '-c1', name), / 1 packets received/);
    assert.match(await compose('port', 'web', '8080'), /^192\.168\.99\.\d+:\d+$/);
    await compose('down', '-v', '-t', '0');
    assert.equal(await must(a, 'ps', '-aq'), '');
  });

  test('a host that dies: what is to outlive it runs elsewhere, by a leader that nobody has asked for anything', async () => {
    await must(a, 'network', 'create', '-d', 'overlay', '--subnet', '10.77.0.0/24', 'shared');
    const address = ['--net', 'shared', '--ip', '10.77.0.50', '--network-alias', 'known'];
    const place = ['-e', `constraint:node==~${c}`, '-e', 'reschedule:on-node-failure', ...address];
    await must(a, 'run', '-d', '--name', 'moves', ...place, ...SLEEP);
    assert.equal(await must(a, 'inspect', '-f', '{{.Node.Name}}', 'moves'), c);
    await swarm.docker('node', 'update', '--availability', 'drain', a);
    await eventually('another manager leads', 30_000, async () =>
      new RegExp(`(${b}|${c}) Leader`).test(await swarm.managers(a)),
    );
    await swarm.lab.must('kill', c);
    const killed = performance.now();
    const onEngine = ['ps', '--format', '{{.Names}} {{.Status}}', '--filter', 'name=moves'];
    await eventually(
      'it runs on the host that is left',
      60_000,
      async () => /^moves Up /.test(await swarm.lab.docker(b, ...onEngine)),
      async () => swarm.docker('node', 'ls'),
    );
    process.stdout.write(`made anew after ${((performance.now() - killed) / 1000).toFixed(1)} s\n`);
    await eventually('it is shown', 30_000, async () =>
      (await must(a, 'info')).includes('Status: Unhealthy'),
    );
    await eventually('once', 10_000, async () => {
      const rows = await must(a, 'ps', '-a', '--format', '{{.Names}}', '--filter', 'name=moves');
      return rows === `${b}/moves`;
    });
    // With its address and its names on the network of all hosts.
    const ping = ['run', '--rm', '--net', 'shared', 'busybox', 'ping', '-c1', 'known'];
    assert.match(await must(a, ...ping), /\(10\.77\.0\.50\)[\s\S]* 1 packets received/);
  });
});
