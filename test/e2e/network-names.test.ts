/** Names on real hosts: what containers find when they ask their resolver, while all is well and while it is not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/lab.ts';
import { Swarm } from '../support/swarm.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [MANAGER, WORKER] = ['nna', 'nnb'] as const;
const KILL_DAEMON = 'kill -9 $(cut -d" " -f1 /run/essaim.process)';

describe('names', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on(MANAGER, WORKER);
    await swarm.docker('network', 'create', '-d', 'overlay', 'app');
    await swarm.docker('network', 'create', '-d', 'overlay', 'other');
    const create = (...args: string[]) => swarm.create(...args);
    await create('--name', 'web', '--replicas', '4', '--network', 'name=app,alias=www', 'whoami');
    await create('--name', 'db', '--replicas', '2', '--endpoint-mode', 'dnsrr', '--network', 'app', 'whoami');
    const sleeper = ['--mode', 'global', 'busybox', 'sleep', '1000000'];
    await create('--name', 'client', '--network', 'app', ...sleeper);
    await create('--name', 'stranger', '--network', 'other', ...sleeper);
    for (const [name, replicas] of [
      ['web', 4],
      ['db', 2],
      ['client', 2],
      ['stranger', 2],
    ] as const)
      await swarm.converge(name, replicas);
  });
  after(() => swarm?.[Symbol.asyncDispose]());

  /** Of the global services, whose containers stay. */
  const known = new Map<string, string>();
  /** Runs a command in the container of a global service on that host, through its engine alone. */
  async function run(host: string, command: readonly string[], service = 'client') {
    const container = known.get(`${host} ${service}`) ?? (await containers(host, service))[0]!;
    known.set(`${host} ${service}`, container);
    const socket = '-H unix:///run/engine.sock';
    const quoted = command.map((word) => `'${word}'`).join(' ');
    return swarm.lab.machine('ssh', host, `docker ${socket} exec ${container} ${quoted}`);
  }
  async function containers(host: string, service: string): Promise<string[]> {
    const filter = `--filter label=com.docker.swarm.service.name=${service}`;
    const text = await swarm.lab.ssh(
      host,
      `docker -H unix:///run/engine.sock ps ${filter} --format '{{.Names}}'`,
    );
    return text.split('\n').filter(Boolean);
  }
  async function lookUp(host: string, name: string, service?: string): Promise<string[]> {
    const { stdout } = await run(host, ['nslookup', name], service);
    const answer = stdout.split('\n\n').slice(1).join('\n');
    return [...answer.matchAll(/^Address: (.+)$|name = (.+)$/gm)].map((m) => (m[1] ?? m[2])!).sort();
  }
  /** The same on both hosts. */
  async function everywhere(name: string): Promise<string[]> {
    const [a, b] = await Promise.all([MANAGER, WORKER].map((host) => lookUp(host, name)));
    assert.deepEqual(a, b, name);
    return a!;
  }

  test('services, their aliases, tasks and containers, from both hosts', async () => {
    const vip = await everywhere('web');
    assert.equal(vip.length, 1);
    const tasks = await everywhere('tasks.web');
    assert.equal(tasks.length, 4);
    assert.ok(!tasks.includes(vip[0]!));
    for (const name of ['www', 'WEB', 'web.app', 'www.app'])
      assert.deepEqual(await everywhere(name), vip, name);
    assert.deepEqual(await everywhere('tasks.www'), tasks);
    assert.equal((await everywhere('db')).length, 2);
    assert.deepEqual(await everywhere('db'), await everywhere('tasks.db'));
    const names = (await Promise.all([MANAGER, WORKER].map((host) => containers(host, 'web')))).flat();
    const found = new Set<string>();
    for (const name of names) {
      const [address, ...more] = await everywhere(name);
      assert.deepEqual(more, []);
      assert.ok(tasks.includes(address!), name);
      found.add(address!);
      assert.deepEqual(await everywhere(name.split('.').slice(0, 2).join('.')), [address]);
    }
    assert.equal(found.size, 4);
    // They have no IPv6 addresses, but exist: who asks for both must not be told that there is no such name.
    const both = ['web', 'tasks.web', 'www', 'web.app', 'db', 'client', ...names].join(' ');
    for (const host of [MANAGER, WORKER]) {
      const asking = `for name in ${both}; do nslookup -type=aaaa $name 2>&1; done`;
      const { stdout, stderr } = await run(host, ['sh', '-c', asking]);
      assert.doesNotMatch(stdout + stderr, /NXDOMAIN|SERVFAIL|timed out/, `on ${host}`);
    }
    assert.match((await run(MANAGER, ['nslookup', '-type=aaaa', 'nobody'])).stdout, /NXDOMAIN|SERVFAIL/);
    const [pointer] = await lookUp(WORKER, tasks[0]!);
    assert.ok(
      names.some((name) => pointer === `${name}.app`),
      pointer,
    );
    assert.deepEqual(await lookUp(WORKER, vip[0]!), ['web.app']);
  });

  test('what is found is reached', async () => {
    for (const host of [MANAGER, WORKER]) {
      for (const name of ['web', 'www', 'db', 'tasks.web']) {
        const { stdout, stderr } = await run(host, [
          'sh',
          '-c',
          `printf "GET /cgi-bin/index.cgi HTTP/1.0\\r\\n\\r\\n" | nc -w 3 ${name} 8080`,
        ]);
        assert.match(stdout, /^HTTP.* 200 OK/, `${name} from ${host}: ${stdout}${stderr}`);
        assert.match(stdout, /^[0-9a-f]{12}$/m);
      }
      for (const name of ['db', 'web.1', 'tasks.client']) {
        const { code, stdout, stderr } = await run(host, ['ping', '-c', '1', '-W', '2', name]);
        assert.equal(code, 0, `${name} from ${host}: ${stdout}${stderr}`);
      }
    }
  });

  test('nothing of networks that are not shared; unknown names fail at once', async () => {
    for (const name of [
      'web',
      'tasks.web',
      'web.app',
      'db',
      'nowhere',
      'www.example.com',
      '250.0.0.10.in-addr.arpa',
    ])
      for (const service of ['stranger', 'client']) {
        if (service === 'client' && /web|db/.test(name)) continue;
        const started = performance.now();
        const { code, stdout } = await run(WORKER, ['nslookup', name], service);
        assert.equal(code, 1, `${service} found ${name}: ${stdout}`);
        assert.ok(
          performance.now() - started < 3_000,
          `${name}: ${Math.round(performance.now() - started)} ms`,
        );
      }
  });

  test('a container with name servers of its own asks them for what is no name of ours', async () => {
    const address = await swarm.lab.address(MANAGER);
    const program = ['node_modules/.bin/node', 'test/support/name-server.ts'].map((path) => `${root}${path}`);
    const server = swarm.lab.spawn('ssh', MANAGER, ...program, address, '10.99.99.99');
    await once(server.stdout!, 'data');
    await swarm.docker(
      ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'own', '--network', 'app'],
      ...['--dns', address, '--mode', 'global', 'busybox', 'sleep', '1000000'],
    );
    await swarm.converge('own', 2);
    for (const host of [MANAGER, WORKER]) {
      assert.deepEqual(await lookUp(host, 'nowhere.example', 'own'), ['10.99.99.99']);
      assert.deepEqual(await lookUp(host, 'web', 'own'), await everywhere('web'));
    }
    await swarm.docker('service', 'rm', 'own');
    server.stdin!.end();
  });

  test('answers follow the service, also to where nothing of it runs', async () => {
    await swarm.docker('service', 'scale', '--detach', 'web=1');
    for (const host of [MANAGER, WORKER])
      await eventually('one is left', 20_000, async () => (await lookUp(host, 'tasks.web')).length === 1);
    await swarm.docker('service', 'scale', '--detach', 'web=4');
    await swarm.converge('web', 4);
    for (const host of [MANAGER, WORKER])
      await eventually('all are back', 20_000, async () => (await lookUp(host, 'tasks.web')).length === 4);
  });

  test('without the manager the last known answers stay, over a restart of the daemon too', async () => {
    const vip = await everywhere('web');
    const tasks = await everywhere('tasks.web');
    await swarm.lab.ssh(MANAGER, KILL_DAEMON);
    assert.deepEqual(await lookUp(WORKER, 'web'), vip);
    await swarm.lab.ssh(WORKER, KILL_DAEMON);
    await swarm.lab.must('start', WORKER);
    await eventually('names are back', 20_000, async () => (await lookUp(WORKER, 'web')).length > 0);
    assert.deepEqual(await lookUp(WORKER, 'web'), vip);
    assert.deepEqual(await lookUp(WORKER, 'tasks.web'), tasks);
    await swarm.lab.must('start', MANAGER);
    await eventually('both answer', 30_000, async () => {
      const found = await Promise.all([MANAGER, WORKER].map((host) => lookUp(host, 'web')));
      return found.every((addresses) => addresses.length === 1);
    });
    assert.deepEqual(await everywhere('web'), vip);
  });
});
