/** Networks: scenarios C 1–3 and D, updates under load, what is left behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import { CLIS, Swarm } from '../../support/swarm.ts';

const WHOAMI = '/cgi-bin/index.cgi';

describe('networks', { timeout: 420_000 }, () => {
  let swarm: Swarm;
  const addresses = new Map<string, string>();
  before(async () => {
    swarm = await Swarm.on('na', 'nb', 'nc');
    for (const host of swarm.hosts) addresses.set(host, await swarm.lab.address(host));
  });
  afterEach(() => swarm.clear());
  after(() => swarm?.[Symbol.asyncDispose]());

  const create = (...args: string[]) => swarm.create(...args);
  const remove = (...names: string[]) => swarm.remove(...names);
  /** Who answers at the published port of a host; rejects if nobody does within 2 s. */
  const ask = async (host: string, port: number): Promise<string> => {
    const url = `http://${addresses.get(host)}:${port}${WHOAMI}`;
    const response = await fetch(url, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2_000),
    });
    if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
    return (await response.text()).trim();
  };
  /** Runs a command in the first container of a service on a host. */
  const within = async (host: string, service: string, ...command: string[]) => {
    const [name] = await swarm.containers(host, service);
    assert.ok(name, `${service} has no container on ${host}`);
    return swarm.lab.tryDocker(host, ['exec', name, ...command]);
  };
  const must = async (host: string, service: string, ...command: string[]): Promise<string> => {
    const { code, stdout, stderr } = await within(host, service, ...command);
    assert.equal(code, 0, `${command.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  /** What a container is told of a name. (Its own programs are static: only nslookup asks in a way that they can.) */
  const lookup = async (host: string, service: string, name: string): Promise<string[]> => {
    const { stdout } = await within(host, service, 'nslookup', name);
    const answers = stdout.slice(stdout.indexOf('Name:'));
    return stdout.includes('Name:') ? [...new Set(answers.match(/\d+\.\d+\.\d+\.\d+/g) ?? [])] : [];
  };
  const found = (host: string, service: string, name: string): Promise<string> =>
    eventually(
      `${name} is known to ${service} on ${host}`,
      5_000,
      async () => (await lookup(host, service, name))[0],
      async () => JSON.stringify(await within(host, service, 'nslookup', name)) + (await swarm.explain()),
    );
  const callers = async (host: string, service: string, target: string, times: number) => {
    const address = await found(host, service, target);
    const url = `http://${address}:8080${WHOAMI}`;
    const script = `for i in $(seq ${times}); do timeout 2 wget -qO- ${url} || exit 1; done`;
    return (await must(host, service, 'sh', '-c', script)).split('\n');
  };

  test('every host lists the network of the mesh, before anything is published', async () => {
    for (const host of swarm.hosts)
      await eventually(`${host} lists it`, 10_000, async () => {
        const format = '{{.Name}} {{.Driver}} {{.Scope}}';
        const listed = await swarm.lab.docker(host, 'network', 'ls', '--format', format);
        return listed.split('\n').includes('ingress overlay swarm');
      });
  });

  test('a port of the host and one of the mesh of one service, on an overlay', async () => {
    await swarm.docker('network', 'create', '-d', 'overlay', 'front');
    const ports = ['-p', '8000:8080', '-p', 'published=8001,target=8080,mode=host'];
    await create('--mode', 'global', '--name', 'proxy', '--network', 'front', ...ports, 'whoami');
    // In which order an engine comes to a container's networks is chance.
    for (const round of [1, 2, 3]) {
      if (round > 1) await swarm.docker('service', 'update', '--force', 'proxy');
      await swarm.converge('proxy', 3);
      for (const host of swarm.hosts)
        for (const port of [8000, 8001])
          await eventually(`${host}:${port} answers in round ${round}`, 5_000, () => ask(host, port));
    }
    await remove('proxy');
    await swarm.docker('network', 'rm', 'front');
  });

  test('a published port answers on every host, from all containers in turn', async () => {
    await create('--replicas', '1', '--name', 'web', '-p', '80:8080', 'whoami');
    const [row] = await swarm.converge('web', 1);
    assert.match(
      await swarm.docker('service', 'ls'),
      /web +replicated +1\/1 +whoami:latest +\*:80->8080\/tcp/,
    );
    for (const host of swarm.hosts) await eventually(`${host} answers`, 5_000, () => ask(host, 80));
    assert.ok(row!.node);
    await swarm.docker('service', 'scale', '--detach', 'web=5');
    await swarm.converge('web', 5);
    for (const host of swarm.hosts) {
      const seen = new Set<string>();
      await eventually(`all five answer at ${host}`, 10_000, async () => {
        for (let i = 0; i < 10; i++) seen.add(await ask(host, 80));
        return seen.size === 5;
      });
    }
    const taken = await swarm.tryDocker(
      'service',
      'create',
      '--detach',
      '--name',
      'other',
      '-p',
      '80:80',
      'whoami',
    );
    assert.match(taken.stderr, /port '80' is already in use by service 'web' \(\w+\) as an ingress port/);
    await remove('web');
    await eventually('the port is closed', 5_000, async () => {
      const answers = await Promise.allSettled(swarm.hosts.map((host) => ask(host, 80)));
      return answers.every(({ status }) => status === 'rejected');
    });
  });

  test('services reach each other by name, on whatever hosts; other overlays do not', async () => {
    await swarm.docker('network', 'create', '--driver', 'overlay', '--subnet=10.0.9.0/24', 'my-overlay');
    await swarm.with(CLIS[1], 'network', 'create', '--driver', 'overlay', 'apart');
    for (const cli of CLIS)
      for (const name of ['my-overlay', 'apart'])
        assert.match(await swarm.with(cli, 'network', 'ls'), new RegExp(`${name} +overlay +swarm`));
    const on = (network: string, host: string) => [
      '--network',
      network,
      '--constraint',
      `node.hostname==${host}`,
    ];
    await create('--name', 'nginx', ...on('my-overlay', 'na'), 'whoami');
    const hostname = ['--hostname', 'php-{{.Task.Slot}}'];
    await create('--name', 'php', ...on('name=my-overlay,alias=fpm', 'nb'), ...hostname, 'whoami');
    await create('--name', 'stranger', ...on('apart', 'nb'), 'whoami');
    for (const name of ['nginx', 'php', 'stranger']) await swarm.converge(name, 1);
    const [php] = await swarm.containers('nb', 'php');
    const id = await swarm.lab.docker('nb', 'inspect', '--format', '{{.Id}}', php!);
    for (const name of ['php', 'tasks.php', 'fpm', php!, 'php-1', id.slice(0, 12)]) {
      assert.deepEqual(await callers('na', 'nginx', name, 1), ['php-1'], name);
      await must('na', 'nginx', 'ping', '-c', '1', '-W', '2', await found('na', 'nginx', name));
    }
    await must('nb', 'php', 'ping', '-c', '1', '-W', '2', await found('nb', 'php', 'nginx'));
    assert.deepEqual(await lookup('nb', 'stranger', 'php'), []);
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    const address = (await swarm.lab.docker('nb', 'inspect', '--format', format, php!)).trim();
    assert.match(address, /^10\.0\.9\.\d+$/);
    assert.notEqual((await within('nb', 'stranger', 'ping', '-c', '1', '-W', '1', address)).code, 0);
    const inUse = await swarm.tryDocker('network', 'rm', 'my-overlay');
    assert.match(inUse.stderr, /network \w+ is in use by service \w+/);
    await remove('nginx', 'php', 'stranger');
  });

  test('connections outlive the daemon, rules that are flushed and made again, and what comes besides', async () => {
    await swarm.docker('network', 'create', '-d', 'overlay', 'long');
    const on = (host: string) => ['--network', 'long', '--constraint', `node.hostname==${host}`];
    const echo = ['busybox', 'sh', '-c', 'exec nc -ll -p 7000 -e cat'];
    await create('--name', 'echo', ...on('nc'), '-p', '7000:7000', ...echo);
    await create('--name', 'talker', ...on('nb'), 'busybox', 'sleep', '1000000');
    await swarm.converge('echo', 1);
    await swarm.converge('talker', 1);
    const [talker] = await swarm.containers('nb', 'talker');
    const vip = await found('nb', 'talker', 'echo');
    // Through the engine alone: it must outlive the daemon.
    const engine = `unix://${swarm.lab.engineSocket('nb')}`;
    const within = spawn('docker', ['-H', engine, 'exec', '-i', talker!, 'nc', vip, '7000']);
    const outside = connect({ host: addresses.get('nb')!, port: 7000 });
    outside.on('error', () => {});
    try {
      const talks = [
        ['the virtual address', within.stdin, within.stdout],
        ['the published port', outside, outside],
      ] as const;
      const said = new Map<string, string>();
      for (const [what, , from] of talks)
        from.on('data', (data: Buffer) => said.set(what, (said.get(what) ?? '') + data.toString()));
      const goOn = async (after: string): Promise<void> => {
        for (const [what, to] of talks) {
          to.write(`${after}\n`);
          await eventually(
            `the connection by ${what} goes on after ${after}`,
            10_000,
            async () => said.get(what)?.endsWith(`${after}\n`),
            async () => said.get(what) ?? 'nothing was said',
          );
        }
      };
      const hosts = ['nb', 'nc'];
      const daemons = async (signal: string): Promise<void> => {
        for (const host of hosts) {
          const end = `p=$(cut -d' ' -f1 /run/essaim.process); kill -${signal} $p`;
          await swarm.lab.ssh(host, `${end}; while kill -0 $p 2>/dev/null; do sleep 0.1; done`);
        }
        await goOn(`the daemons have ended by ${signal}`);
        for (const host of hosts) await swarm.lab.must('start', host);
        await goOn(`the daemons are back after ${signal}`);
      };
      await goOn('the beginning');
      await daemons('TERM');
      await daemons('KILL');
      await create('--name', 'other', '--network', 'long', '-p', '7001:8080', 'whoami');
      await swarm.converge('other', 1);
      await eventually('the other one answers', 10_000, () => ask('nb', 7001));
      await goOn('another service came');
      // In the host's namespace and in all networks', the mesh's too.
      const each = 'for n in "" $(ip netns list | cut -d" " -f1); do';
      const inEach = (command: string) => `${each} \${n:+nsenter --net=/run/netns/$n} ${command}; done`;
      for (const host of hosts) await swarm.lab.ssh(host, inEach('nft flush ruleset'));
      for (const host of hosts)
        await eventually(`${host} has its rules again`, 20_000, async () => {
          const listed = await swarm.lab.ssh(host, inEach('nft list tables inet'));
          const places = Number(await swarm.lab.ssh(host, 'ip netns list | grep -c esn-')) + 1;
          return listed.split('\n').filter((line) => line === 'table inet essaim').length === places;
        });
      await goOn('all rules were flushed and made again');
    } finally {
      within.kill();
      outside.destroy();
    }
    await remove('echo', 'talker', 'other');
    await swarm.docker('network', 'rm', 'long');
  });

  test('ten containers of each: one name, one virtual address, which shares the load', async () => {
    await create('--name', 'nginx', '--network', 'my-overlay', '--replicas', '1', 'whoami');
    await create('--name', 'php', '--network', 'my-overlay', '--replicas', '1', 'whoami');
    await swarm.docker('service', 'scale', '--detach', 'nginx=10', 'php=10');
    await swarm.converge('nginx', 10);
    await swarm.converge('php', 10);
    const service = JSON.parse(await swarm.docker('service', 'inspect', 'php')) as Array<{
      Endpoint: { VirtualIPs: Array<{ Addr: string }> };
    }>;
    const [vip] = service[0]!.Endpoint.VirtualIPs[0]!.Addr.split('/');
    assert.deepEqual(await lookup('nc', 'nginx', 'php'), [vip]);
    await eventually(
      'tasks.php has all ten',
      5_000,
      async () => (await lookup('nc', 'nginx', 'tasks.php')).length === 10,
    );
    for (const host of swarm.hosts) {
      const answers = await callers(host, 'nginx', 'php', 60);
      assert.ok(new Set(answers).size >= 9, `${new Set(answers).size} of 10 have answered to ${host}`);
    }
    await remove('nginx', 'php');
  });

  /** No request to the service fails while that happens. */
  const underLoad = async (hosts: readonly string[], happens: () => Promise<unknown>): Promise<void> => {
    const failures: string[] = [];
    let requests = 0;
    let over = false;
    const load = hosts.map(async (host) => {
      while (!over) {
        requests++;
        await ask(host, 8080).catch((error: Error) => failures.push(`${host}: ${error.cause ?? error}`));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    try {
      await happens();
    } finally {
      over = true;
      await Promise.all(load);
    }
    assert.ok(requests > 100, `${requests} requests`);
    assert.deepEqual(failures, []);
  };

  test('a rolling update under load: no request fails, the old tasks stay to be seen', async () => {
    const order = ['--update-order', 'start-first', '--update-delay', '500ms', '--replicas', '4'];
    await create('--name', 'web', '-p', '8080:8080', ...order, 'whoami:1');
    await swarm.converge('web', 4);
    for (const host of swarm.hosts) await eventually(`${host} answers`, 5_000, () => ask(host, 8080));
    const update = ['--image', 'whoami:2', '--update-parallelism', '2'];
    await underLoad(swarm.hosts, () =>
      swarm.docker('service', 'update', '--quiet', '--no-resolve-image', ...update, 'web'),
    );
    const shown = await swarm.docker('service', 'ps', '--format', '{{.Image}} {{.DesiredState}}', 'web');
    const old = Array(4).fill('whoami:1 Shutdown');
    assert.deepEqual(shown.split('\n').sort(), [...old, ...Array(4).fill('whoami:2 Running')]);
    await remove('web');
  });

  test('a host is shut down in order under load: no request fails, and its tasks run elsewhere', async () => {
    await create('--name', 'web', '-p', '8080:8080', '--replicas', '6', 'whoami');
    await swarm.converge('web', 6);
    const [lost, ...stay] = swarm.hosts.toReversed();
    for (const host of stay) await eventually(`${host} answers`, 5_000, () => ask(host, 8080));
    await underLoad(stay, async () => {
      await swarm.lab.must('stop', lost!);
      await swarm.nodeBecomes(lost!, 'Down', 5_000);
      await swarm.converge('web', 6);
    });
    assert.ok((await swarm.running('web')).every(({ node }) => node !== lost));
    await swarm.lab.must('start', lost!);
    await swarm.nodeBecomes(lost!, 'Ready', 30_000);
    await remove('web');
  });

  test('an engine that keeps containers alive is restarted under load: no request fails, nothing restarts', async () => {
    await create('--name', 'web', '-p', '8080:8080', '--replicas', '6', 'whoami');
    await swarm.converge('web', 6);
    const host = swarm.hosts[1]!;
    const configure = (json: string) =>
      swarm.lab.ssh(
        host,
        `echo '${json}' >/etc/docker/daemon.json; kill -HUP $(cut -d" " -f1 /run/engine.process)`,
      );
    const live = () => swarm.lab.docker(host, 'info', '--format', '{{.LiveRestoreEnabled}}');
    const ids = () =>
      swarm.lab.docker(host, 'ps', '-q', '--filter', 'label=com.docker.swarm.service.name=web');
    const before = await ids();
    for (const each of swarm.hosts) await eventually(`${each} answers`, 5_000, () => ask(each, 8080));
    await configure('{"live-restore": true}');
    await eventually('live-restore is on', 5_000, async () => (await live()) === 'true');
    await underLoad(swarm.hosts, async () => {
      await swarm.lab.stopEngine(host);
      await swarm.nodeBecomes(host, 'Unknown', 5_000);
      await swarm.lab.must('start', host);
      await swarm.nodeBecomes(host, 'Ready', 15_000);
    });
    assert.equal(await ids(), before);
    assert.equal((await swarm.tasks('web')).length, 6);
    await configure('{"live-restore": false}');
    await eventually('live-restore is off', 5_000, async () => (await live()) === 'false');
    await remove('web');
  });

  test('networks and ports follow updates of a service', async () => {
    await create('--name', 'web', '--replicas', '2', 'whoami');
    await swarm.converge('web', 2);
    const update = (...args: string[]) =>
      swarm.docker('service', 'update', '--quiet', '--no-resolve-image', ...args, 'web');
    await update('--network-add', 'my-overlay', '--publish-add', 'target=8080');
    const format = '{{range .Endpoint.Ports}}{{.PublishedPort}}{{end}}';
    const port = Number(await swarm.docker('service', 'inspect', '--format', format, 'web'));
    assert.ok(port >= 30_000 && port <= 32_767, `${port}`);
    for (const host of swarm.hosts) await eventually(`${host} answers`, 5_000, () => ask(host, port));
    await update('--network-rm', 'my-overlay', '--publish-rm', '8080');
    assert.equal(await swarm.docker('service', 'inspect', '--format', format, 'web'), '');
    await assert.rejects(ask('na', port));
    await remove('web');
  });

  test('addresses that are used up are said so, and given again once they are free', async () => {
    await swarm.docker('network', 'create', '--driver', 'overlay', '--subnet=10.0.8.0/29', 'tiny');
    await create(
      '--name',
      'full',
      '--network',
      'tiny',
      '--constraint',
      'node.hostname==na',
      '--replicas',
      '4',
      'whoami',
    );
    await eventually('the reason is shown', 20_000, async () => {
      const rows = await swarm.tasks('full');
      return rows.some(({ error }) => error.includes('no address is left in network tiny (10.0.8.0/29)'));
    });
    await swarm.docker('service', 'scale', '--detach', 'full=3');
    await swarm.converge('full', 3);
    await remove('full');
    await swarm.docker('network', 'rm', 'tiny');
  });

  test('when all is removed only the network of the mesh is left on any host', async () => {
    await swarm.docker('network', 'rm', 'my-overlay', 'apart');
    for (const host of swarm.hosts)
      await eventually(`${host} has no other overlay`, 20_000, async () => {
        const listed = ['network', 'ls', '--format', '{{.Name}}', '--filter', 'driver=essaim'];
        const engine = ['-H', `unix://${swarm.lab.engineSocket(host)}`];
        return (await swarm.lab.docker(host, ...engine, ...listed)) === 'ingress';
      });
  });
});
