/** Stacks by the stock CLI, from Compose files: scenario E without its applications. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { CLIS, Swarm, withEach } from '../support/swarm.ts';

type Compose = Record<string, unknown>;
interface Service {
  readonly Spec: { readonly Name: string };
  readonly ServiceStatus?: { readonly RunningTasks: number };
}

const STAY = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];
const stay = (more: Compose = {}): Compose => ({ image: 'busybox', command: STAY, ...more });

describe('stacks', { timeout: 600_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('ta', 'tb');
    await write('page', 'a page\n');
    await write('key', 'a key\n');
    await write('env', 'A=1\nB=2\n');
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  const write = async (name: string, content: string | Compose): Promise<string> => {
    const path = join(swarm.lab.home, name);
    // JSON is YAML.
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  /** Whether so many tasks run of each service: of `2/3 (max 1 per node)`, two. */
  const isUp = async (stack: string, wanted: Record<string, string>): Promise<boolean> => {
    const label = [`com.docker.stack.namespace=${stack}`];
    const found = await swarm.lab.ask<Service[]>(swarm.manager, '/services?status=true', { label });
    const running = new Map(found.map(({ Spec, ServiceStatus }) => [Spec.Name, ServiceStatus?.RunningTasks]));
    return Object.entries(wanted).every(
      ([name, count]) => running.get(`${stack}_${name}`) === Number.parseInt(count, 10),
    );
  };
  /** What is done with stacks, by one of the clients. */
  const by = (cli: string) => {
    const docker = (...args: string[]) => swarm.with(cli, ...args);
    const deploy = async (stack: string, compose: Compose, ...args: string[]) => {
      const file = await write(`${stack}.yml`, { version: '3.8', ...compose });
      return docker('stack', 'deploy', '--resolve-image', 'never', '-c', file, ...args, stack);
    };
    /** The services of a stack with how many of their tasks run. */
    const services = async (stack: string, ...args: string[]): Promise<Record<string, string>> => {
      const text = await docker('stack', 'services', '--format', '{{.Name}}\t{{.Replicas}}', ...args, stack);
      return Object.fromEntries(text.split('\n').map((line) => line.split('\t')));
    };
    const settled = (stack: string, wanted: Record<string, string>) =>
      eventually(
        `${stack} runs`,
        120_000,
        async () => {
          if (!(await isUp(stack, wanted))) return false;
          const found = await services(stack).catch(() => ({}));
          return Object.entries(wanted).every(
            ([name, count]) => (found as Compose)[`${stack}_${name}`] === count,
          );
        },
        () => swarm.explain(),
      );
    /** The tasks that are wanted to run. */
    const tasks = async (stack: string, ...filters: string[]) => {
      const args = ['desired-state=running', ...filters].flatMap((filter) => ['--filter', filter]);
      const text = await docker('stack', 'ps', '--format', '{{.ID}} {{.Name}}', ...args, stack).catch(
        () => '',
      );
      return text.split('\n').filter(Boolean).sort();
    };
    const leftovers = async (stack: string) => {
      const label = `label=com.docker.stack.namespace=${stack}`;
      const said = await Promise.all([
        ...swarm.hosts.map((host) => swarm.lab.docker(host, 'ps', '-aq', '--filter', label)),
        ...swarm.hosts.map((host) =>
          swarm.lab.docker(host, 'network', 'ls', '-q', '--filter', `name=${stack}_`),
        ),
        ...['service', 'secret', 'config'].map((kind) => docker(kind, 'ls', '-q', '--filter', label)),
      ]);
      return said.filter(Boolean);
    };
    const remove = async (stack: string) => {
      await docker('stack', 'rm', stack);
      await eventually(
        `nothing is left of ${stack}`,
        60_000,
        async () => (await leftovers(stack)).length === 0,
        async () => (await leftovers(stack)).join('\n'),
      );
    };
    return { docker, deploy, services, settled, tasks, leftovers, remove };
  };
  const { docker, leftovers } = by(CLIS[0]);

  const everything: Compose = {
    services: {
      web: {
        image: 'whoami:1',
        hostname: '{{.Node.Hostname}}-{{.Task.Slot}}',
        environment: { GREETING: 'hello', EMPTY: '' },
        env_file: './env',
        labels: { 'container.label': '1' },
        ports: ['5000:8080', { target: 8080, published: 5001, protocol: 'tcp', mode: 'ingress' }],
        networks: { front: { aliases: ['www', 'site'] }, back: {} },
        configs: ['page', { source: 'page', target: '/etc/page', uid: '3', gid: '4', mode: 0o440 }],
        secrets: ['key', { source: 'key', target: 'again' }, { source: 'key', target: 'more' }],
        deploy: {
          replicas: 3,
          labels: { 'service.label': '2' },
          update_config: {
            ...{ parallelism: 2, delay: '1s', failure_action: 'rollback', monitor: '2s' },
            ...{ max_failure_ratio: 0.3, order: 'start-first' },
          },
          rollback_config: { parallelism: 1, delay: '0s', failure_action: 'pause', order: 'stop-first' },
          resources: { limits: { cpus: '0.5', memory: '64M' }, reservations: { cpus: '0.01', memory: '8M' } },
          restart_policy: { condition: 'on-failure', delay: '2s', max_attempts: 5, window: '60s' },
          placement: {
            constraints: ['node.platform.os == linux'],
            preferences: [{ spread: 'node.labels.zone' }],
            max_replicas_per_node: 2,
          },
        },
      },
      db: {
        image: 'busybox',
        entrypoint: ['/bin/sh', '-c'],
        command: ['exec sleep 1000000'],
        networks: ['back'],
        volumes: [
          'data:/data',
          { type: 'tmpfs', target: '/scratch', tmpfs: { size: 1 << 20 } },
          { type: 'bind', source: '/tmp', target: '/host-tmp', read_only: true },
          '/anonymous',
        ],
        ...{
          user: '1000:1000',
          working_dir: '/tmp',
          read_only: true,
          init: true,
          tty: true,
          stdin_open: true,
        },
        ...{
          stop_grace_period: '1s',
          stop_signal: 'SIGKILL',
          ulimits: { nofile: { soft: 500, hard: 1000 } },
        },
        ...{ cap_add: ['NET_ADMIN'], cap_drop: ['CHOWN'], extra_hosts: ['other:10.1.2.3'] },
        ...{ dns: ['10.9.9.9'], dns_search: ['example.test'] },
        logging: { driver: 'json-file', options: { 'max-size': '1m' } },
        restart: 'always',
        healthcheck: {
          test: ['CMD', 'true'],
          interval: '1s',
          timeout: '30s',
          retries: 3,
          start_period: '1s',
        },
        deploy: { endpoint_mode: 'dnsrr', placement: { constraints: ['node.role==manager'] } },
      },
      each: stay({ networks: ['back'], deploy: { mode: 'global', labels: ['a=b'] } }),
      alone: stay({ depends_on: ['db'], container_name: 'ignored', privileged: true, build: '.' }),
    },
    networks: {
      front: { driver: 'overlay', attachable: true, labels: { 'network.label': '1' } },
      back: { internal: true, ipam: { config: [{ subnet: '10.77.0.0/24' }] } },
    },
    volumes: { data: { labels: { 'volume.label': '1' } } },
    configs: { page: { file: './page', labels: { 'config.label': '1' } } },
    secrets: { key: { file: './key' } },
  };

  for (const each of CLIS) {
    test(`everything that is converted; the same file again restarts nothing; rm, deploy at once (${each})`, async () => {
      const { docker, remove, services, settled, tasks } = by(each);
      const file = await write('all.yml', { version: '3.8', ...everything });
      const run = async (...args: string[]) => {
        const outcome = await swarm.lab.tryDocker(swarm.manager, ['stack', ...args], each);
        assert.equal(outcome.code, 0, outcome.stderr);
        return outcome;
      };
      const up = () => run('deploy', '--resolve-image', 'never', '-c', file, 'all');
      const { stderr, stdout } = await up();
      assert.match(stderr, /Ignoring unsupported options: build, privileged, restart/);
      for (const line of ['network all_front', 'network all_back', 'network all_default', 'secret all_key'])
        assert.match(stdout, new RegExp(`Creating ${line}`));
      const wanted = { web: '3/3 (max 2 per node)', db: '1/1', each: '2/2', alone: '1/1' };
      await settled('all', wanted);
      assert.match((await run('ls')).stdout, /^all +4/m);
      assert.match(
        (await run('services', 'all')).stdout,
        /all_web +replicated +3\/3 \(max 2 per node\) +whoami:1 +\*:5000-5001->8080\/tcp/,
      );
      assert.equal((await tasks('all', 'name=all_web')).length, 3);
      assert.equal((await tasks('all', 'node=tb', 'name=all_each')).length, 1);
      assert.deepEqual(Object.keys(await services('all', '--filter', 'label=service.label=2')), ['all_web']);
      assert.deepEqual(Object.keys(await services('all', '--filter', 'mode=global')), ['all_each']);
      assert.deepEqual(Object.keys(await services('all', '--filter', 'name=all_d')), ['all_db']);

      const before = await tasks('all');
      for (let i = 0; i < 4; i++) assert.match((await up()).stdout, /Updating service all_web/);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      assert.deepEqual(await tasks('all'), before);
      assert.equal((await docker('stack', 'ps', '-q', 'all')).split('\n').length, before.length);

      await run('rm', 'all');
      await up();
      await settled('all', wanted);
      const after = await tasks('all');
      assert.ok(after.every((task) => !before.includes(task)));
      const [name] = await swarm.containers('ta', 'all_db');
      assert.match(
        await docker(
          'exec',
          name!,
          'sh',
          '-c',
          'pwd; id -u; cat /etc/hosts; mount | grep -c "/data\\|/scratch"',
        ),
        /^\/tmp\r?\n1000\r?\n[\s\S]*10\.1\.2\.3\s+other[\s\S]*\n2\r?$/,
      );
      await remove('all');
      assert.equal(await docker('volume', 'ls', '-q', '--filter', 'name=all_data'), 'all_data');
      await docker('volume', 'rm', 'all_data');
    });
  }

  test('only what changed is updated; --prune removes what the file has no more', () =>
    withEach(async (cli, stack) => {
      const { docker, deploy, remove, services, settled, tasks } = by(cli);
      const port = 6001 + 10 * CLIS.indexOf(cli);
      const compose = (published: number, ...names: string[]): Compose => ({
        services: Object.fromEntries(
          names.map((name) => [name, name === 'one' ? stay({ ports: [`${published}:80`] }) : stay()]),
        ),
      });
      await deploy(stack, compose(port, 'one', 'two', 'three'));
      await settled(stack, { one: '1/1', two: '1/1', three: '1/1' });
      const two = await tasks(stack, `name=${stack}_two`);
      const one = await tasks(stack, `name=${stack}_one`);
      await deploy(stack, compose(port + 1, 'one', 'two'));
      await eventually('the changed one is new', 60_000, async () => {
        const now = await tasks(stack, `name=${stack}_one`);
        return now.length === 1 && now[0] !== one[0];
      });
      assert.deepEqual(await tasks(stack, `name=${stack}_two`), two);
      assert.deepEqual(
        Object.keys(await services(stack)).sort(),
        ['one', 'three', 'two'].map((name) => `${stack}_${name}`),
      );
      assert.match(
        await docker('service', 'ls', '--filter', `name=${stack}_one`),
        new RegExp(`\\*:${port + 1}->80/tcp`),
      );
      assert.match(
        await deploy(stack, compose(port + 1, 'one', 'two'), '--prune'),
        new RegExp(`Removing service ${stack}_three`),
      );
      assert.deepEqual(
        Object.keys(await services(stack)).sort(),
        ['one', 'two'].map((name) => `${stack}_${name}`),
      );
      await docker('service', 'scale', '--detach', `${stack}_two=3`);
      await settled(stack, { two: '3/3' });
      await deploy(stack, compose(port + 1, 'one', 'two'));
      await settled(stack, { two: '1/1' });
      await remove(stack);
    }));

  test('a back end with its database by environment, scaled to five on two hosts', () =>
    withEach(async (cli, stack) => {
      const { docker, deploy, remove, settled } = by(cli);
      const port = 6100 + CLIS.indexOf(cli);
      const [user, password, rows] = ['app', 'se-cret', `rows for ${cli}`];
      // Compose reads $$ as $.
      const database =
        'mkdir /tmp/d; echo "$$ROWS" >/tmp/d/index.html; echo "/:$$DB_USER:$$DB_PASSWORD" >/tmp/conf;' +
        'trap "exit 0" TERM; httpd -f -p 3306 -h /tmp/d -c /tmp/conf & wait';
      // What a request answers with: the container, and what the database gives who knows its password.
      const page =
        '#!/bin/sh\n' +
        'auth=$(printf %s "$DB_USER:$DB_PASSWORD" | base64)\n' +
        'printf "Content-Type: text/plain\\r\\n\\r\\n"\n' +
        'hostname; wget -qO- --header "Authorization: Basic $auth" "http://$DB_HOST:3306/"\n';
      const script = await write(`${stack}-backend`, page);
      const login = { DB_USER: user, DB_PASSWORD: password };
      await deploy(stack, {
        services: {
          backend: {
            image: 'whoami',
            environment: { ...login, DB_HOST: 'db' },
            configs: [{ source: 'page', target: '/www/cgi-bin/backend.cgi', mode: 0o755 }],
            ports: [`${port}:8080`],
          },
          db: { image: 'busybox', command: ['sh', '-c', database], environment: { ...login, ROWS: rows } },
        },
        configs: { page: { file: script } },
      });
      await settled(stack, { backend: '1/1', db: '1/1' });
      await docker('service', 'scale', '--detach', `${stack}_backend=5`);
      await settled(stack, { backend: '5/5', db: '1/1' });
      assert.match(
        await docker('stack', 'services', stack),
        new RegExp(`${stack}_backend +replicated +5/5 +whoami:latest +\\*:${port}->`),
      );
      const seen = new Map<string, string>();
      for (const host of swarm.hosts) {
        const url = `http://${await swarm.lab.address(host)}:${port}/cgi-bin/backend.cgi`;
        await eventually(
          `five containers answer at ${host} with what the database has`,
          30_000,
          async () => {
            const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) };
            const [container, answer] = (await (await fetch(url, options)).text()).trim().split('\n');
            seen.set(container!, answer ?? '');
            return seen.size === 5 && [...seen.values()].every((text) => text === rows);
          },
          async () => JSON.stringify([...seen]),
        );
        seen.clear();
      }
      await remove(stack);
    }));

  test('four replicas on two hosts: two containers on each', async () => {
    await swarm.create('--name', 'even', '--replicas', '4', 'whoami');
    await swarm.converge('even', 4);
    for (const host of swarm.hosts) assert.equal((await swarm.containers(host, 'even')).length, 2);
    await swarm.remove('even');
  });

  test('external networks, secrets and configs; credentials; attached deploy and rm', async () => {
    const path = await write('outside', 'outside');
    await docker('network', 'create', '--driver', 'overlay', 'outside');
    await docker('secret', 'create', 'outside', path);
    await docker('config', 'create', 'outside', path);
    const external = (name: string) => ({ [name]: { external: true, name: 'outside' } });
    const compose = {
      services: { one: stay({ networks: ['net'], secrets: ['sec'], configs: ['conf'] }) },
      networks: external('net'),
      secrets: external('sec'),
      configs: external('conf'),
    };
    await mkdir(join(swarm.lab.home, 'auth'));
    const auth = Buffer.from('user:password').toString('base64');
    await write('auth/config.json', { auths: { 'https://index.docker.io/v1/': { auth } } });
    const file = await write('ext.yml', { version: '3.8', ...compose });
    const { code, stdout, stderr } = await swarm.tryDocker(
      ...['--config', join(swarm.lab.home, 'auth'), 'stack', 'deploy', '--with-registry-auth'],
      ...['--resolve-image', 'never', '--detach=false', '-c', file, 'ext'],
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /verify: Service \w+ converged/);
    const [name] = (await Promise.all(swarm.hosts.map((host) => swarm.containers(host, 'ext_one')))).flat();
    assert.equal(await docker('exec', name!, 'cat', '/run/secrets/sec', '/conf'), 'outsideoutside');
    assert.doesNotMatch(await docker('service', 'inspect', 'ext_one'), /password|PullOptions/);
    await docker('stack', 'rm', '--detach=false', 'ext');
    await eventually('no container is left', 30_000, async () => (await leftovers('ext')).length === 0);
    const missing = { ...compose, networks: { net: { external: true, name: 'nowhere' } } };
    const refused = await swarm.tryDocker('stack', 'deploy', '-c', await write('ext.yml', missing), 'ext');
    assert.match(refused.stderr, /network "nowhere" is declared as external, but could not be found/);
    await docker('secret', 'rm', 'outside');
    await docker('config', 'rm', 'outside');
    await docker('network', 'rm', 'outside');
  });
});
