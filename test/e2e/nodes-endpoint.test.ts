/** Scenario F on a swarm: its nodes as one engine, with docker-compose and overlays. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { engineFolder } from '../support/engine-folder.ts';
import { eventually, execute, type Outcome } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const SLEEP = ['busybox', 'sleep', '100000'];

const COMPOSE = `
version: '2'
services:
  nginx:
    image: whoami
    ports: ["8080"]
    networks: {default: {aliases: [web]}}
  php:
    image: busybox
    command: sleep 100000
    # What a test runs does not end when it is asked to.
    stop_signal: SIGKILL
    volumes: ["data:/d"]
volumes: {data: {}}
`;
/** As the tutorial has it, which then changes the driver; but that what a test runs does not end when it is asked to. */
const TUTORIAL = (driver: string): string => `
version: '2'
services:
  nginx:
    image: whoami
    stop_signal: SIGKILL
    ports:
      - 8080
  php:
    image: busybox
    command: sleep 100000
    stop_signal: SIGKILL
networks:
  default:
    driver: ${driver}
`;

describe('the nodes of a swarm as one engine', { timeout: 400_000 }, () => {
  let swarm: Swarm;
  let project: string;
  const [a, b, c] = ['na', 'nb', 'nc'];
  before(async () => {
    swarm = await Swarm.on(a, b, c);
    project = join(swarm.lab.home, 'docker');
    await mkdir(project);
    await writeFile(join(project, 'docker-compose.yml'), COMPOSE);
  });
  after(() => swarm?.[Symbol.asyncDispose]());
  afterEach(async () => {
    const ids = await cluster('ps', '-aq', '--filter', 'is-task=false');
    if (ids !== '') await cluster('rm', '-fv', ...ids.split('\n'));
  });

  const socket = (host: string): string => swarm.lab.socket(host).replace(/docker\.sock$/, 'cluster.sock');
  const run = (program: string, args: readonly string[], host = a): Promise<Outcome> =>
    execute(program, args, { ...process.env, DOCKER_HOST: `unix://${socket(host)}` });
  const must = async (program: string, args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(program, args);
    assert.equal(code, 0, `${program} ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout.trim();
  };
  const cluster = (...args: string[]): Promise<string> => must('docker', args);
  const compose = (...args: string[]): Promise<string> =>
    must('docker-compose', ['-f', join(project, 'docker-compose.yml'), ...args]);
  const names = async (): Promise<string[]> =>
    (await cluster('ps', '--format', '{{.Names}}')).split('\n').sort();
  /** The nodes with containers of that service of a compose file. */
  const nodes = async (service: string): Promise<Set<string>> =>
    new Set(
      (await names()).filter((name) => name.includes(`_${service}_`)).map((name) => name.split('/')[0]!),
    );

  test('machine env --cluster points docker at it; a worker says who serves it', async () => {
    const env = await swarm.lab.must('env', '--cluster', a);
    assert.match(env, new RegExp(`^export DOCKER_HOST="unix://${socket(a)}"$`, 'm'));
    // Each tells to be typed again what was typed.
    assert.equal(await swarm.lab.must('env', '--swarm', a), env.replace('--cluster', '--swarm'));
    const info = await cluster('info');
    assert.match(info, / Nodes: 3\n/);
    for (const host of [a, b, c])
      assert.match(info, new RegExp(`^  ${host}: 192\\.168\\.99\\.\\d+\n.*\n   └ Status: Healthy$`, 'm'));
    const { stderr } = await run('docker', ['ps'], b);
    assert.match(
      stderr,
      /This node is not a swarm manager\. The cluster is served as one engine by its managers/,
    );
  });

  test('containers spread over the hosts, beside tasks, which belong to their service', async () => {
    await swarm.create('--name', 'svc', '--replicas', '1', '-p', '8099:8080', 'whoami');
    await swarm.converge('svc', 1);
    for (const name of ['one', 'two']) await cluster('run', '-d', '--name', name, ...SLEEP);
    await eventually('each host has one', 5_000, async () => {
      return (await names()).map((name) => name.split('/')[0]).join() === [a, b, c].join();
    });
    const task = (await names()).find((name) => name.includes('svc.1'))!;
    const { stderr } = await run('docker', ['rm', '-f', task]);
    assert.match(stderr, /is a task of the swarm's service svc/);
    assert.equal((await swarm.running('svc')).length, 1);
    const renamed = await run('docker', ['rename', task, 'mine']);
    assert.match(renamed.stderr, /is a task of the swarm's service svc/);
    const taken = await run('docker', ['run', '-d', '-p', '8099:80', ...SLEEP]);
    assert.match(
      taken.stderr,
      /Unable to find a node that satisfies the following conditions \n\[port 8099 \(Bridge mode\)\]/,
    );
    await swarm.remove('svc');
  });

  test('a node that is drained takes none', async () => {
    await swarm.docker('node', 'update', '--availability', 'drain', b);
    for (const name of ['one', 'two', 'three']) await cluster('run', '-d', '--name', name, ...SLEEP);
    assert.ok((await names()).every((name) => !name.startsWith(`${b}/`)));
    await swarm.docker('node', 'update', '--availability', 'active', b);
  });

  test('a network without driver is an overlay, and containers on it find each other from every host', async () => {
    const body = JSON.stringify({ Name: 'plain' });
    const post = ['-sf', '--unix-socket', socket(a), '-H', 'Content-Type: application/json', '-d', body];
    await must('curl', [...post, 'http://cluster/v1.40/networks/create']);
    assert.match(await cluster('network', 'ls', '--filter', 'name=plain'), / plain +overlay +swarm$/m);
    for (const host of [a, b, c]) {
      const place = ['-e', `constraint:node==${host}`, '--network', 'plain', '--network-alias', 'all'];
      await cluster('run', '-d', '--name', `on-${host}`, ...place, ...SLEEP);
    }
    for (const host of [a, b])
      assert.match(await cluster('exec', `on-${host}`, 'ping', '-c1', `on-${c}`), / 1 packets received/);
    const { stdout } = await run('docker', ['exec', `on-${a}`, 'nslookup', 'all', '127.0.0.11']);
    assert.equal([...stdout.matchAll(/^Address: 10\./gm)].length, 3);
    const seen = await cluster('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{end}}', 'plain');
    // Beside the endpoint that each host has in it.
    const containers = seen.split(' ').filter((name) => name.startsWith('on-'));
    assert.deepEqual(containers.sort(), [`on-${a}`, `on-${b}`, `on-${c}`]);
    await cluster('rm', '-f', `on-${a}`, `on-${b}`, `on-${c}`);
    await cluster('network', 'rm', 'plain');
  });

  test('docker-compose: up, scale, names and aliases, exec, port, recreate, down', async () => {
    await compose('up', '-d');
    await compose('scale', 'nginx=6', 'php=3');
    assert.equal((await nodes('nginx')).size, 3);
    // The data of the volume are where the first one has been.
    assert.equal((await nodes('php')).size, 1);
    assert.match(await cluster('exec', 'docker_php_1', 'ping', '-c1', 'web'), / 1 packets received/);
    const port = await compose('port', 'nginx', '8080');
    assert.match(port, /^192\.168\.99\.\d+:\d+$/);
    const answer = await must('curl', ['-s', `http://${port}/cgi-bin/index.cgi`]);
    assert.match(answer, /^[0-9a-f]{12}$/);
    await compose('exec', '-T', 'php', 'touch', '/d/kept');
    await compose('up', '-d', '--force-recreate', '--no-deps', 'php');
    assert.equal(await compose('exec', '-T', 'php', 'ls', '/d'), 'kept');
    assert.match(await compose('ps'), /docker_nginx_1 +\/whoami +Up +192\.168\.99\.\d+:\d+->8080\/tcp/);
    await compose('down', '-v', '-t', '0');
    assert.equal(await cluster('ps', '-aq'), '');
    assert.equal(await cluster('network', 'ls', '-q', '--filter', 'name=docker_default'), '');
  });

  for (const version of ['docker-compose', 'Compose v2']) {
    test(`a tutorial's lines, with ${version}: on one node by a bridge, on all by an overlay`, async () => {
      const isNew = version !== 'docker-compose';
      const engine = (await engineFolder('28'))!;
      const environment = {
        ...process.env,
        DOCKER_HOST: `unix://${socket(a)}`,
        // The newer one has given its containers other names since.
        ...(isNew && { DOCKER_CONFIG: join(dirname(engine), 'config'), COMPOSE_COMPATIBILITY: '1' }),
      };
      const type = async (line: string): Promise<string> => {
        const words = isNew ? line.replace(/^docker-compose\b/, `${engine}/docker compose`) : line;
        // With a terminal, as who types it has one.
        const outcome = await execute(
          'script',
          ['-qec', `cd ${project} && ${words}`, '/dev/null'],
          environment,
        );
        assert.equal(outcome.code, 0, `${line}\n${outcome.stdout}${outcome.stderr}`);
        return outcome.stdout;
      };
      for (const [driver, expected, each] of [
        ['bridge', 1, 3],
        ['overlay', 3, 10],
      ] as const) {
        await writeFile(join(project, 'docker-compose.yml'), TUTORIAL(driver));
        await type('docker-compose up -d');
        await type(`docker-compose scale nginx=${each} php=${each}`);
        assert.equal((await names()).length, 2 * each);
        assert.equal(new Set([...(await nodes('nginx')), ...(await nodes('php'))]).size, expected);
        const pings = [
          'docker exec -ti docker_php_1 ping -c1 docker_nginx_1',
          'docker exec -ti docker_php_1 ping -c1 docker_nginx_3',
          'docker exec -ti docker_php_3 ping -c1 nginx',
          'docker exec -ti docker_nginx_1 ping -c1 docker_php_1',
        ];
        for (const line of pings) assert.match(await type(line), / 1 packets received/, line);
        if (driver === 'overlay') {
          await type('docker-compose scale nginx=5 php=5');
          assert.equal((await names()).length, 10);
        }
        await type('docker-compose down -t 0');
        assert.equal(await cluster('ps', '-aq'), '');
      }
    });
  }
});
