/** Scenario F over plain engines: one endpoint for all hosts, with the real CLIs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, describe, test } from 'node:test';
import { Endpoint, plainEngines } from '../support/endpoint.ts';
import { HttpEtcd } from '../support/etcd-http.ts';
import { eventually, execute, type Lab } from '../support/lab.ts';
import { CLIS } from '../support/swarm.ts';

const ADDRESS = '127.0.0.1:33760';
const SLEEP = ['busybox', 'sleep', '100000'];

describe('one endpoint for plain engines', { timeout: 240_000 }, () => {
  let lab: Lab;
  let cluster: Endpoint;
  let list: string;
  const [a, b, c] = ['pa', 'pb', 'pc'];
  before(async () => {
    lab = await plainEngines({ [a]: { label: 'storage=ssd' }, [b]: { label: 'storage=disk' }, [c]: {} });
    const ips = await Promise.all([a, b, c].map((name) => lab.address(name)));
    list = ips.map((ip) => `${ip}:2375`).join(',');
    cluster = await Endpoint.start(ADDRESS, 3, `nodes://${list}`);
  });
  after(async () => {
    await cluster?.end();
    await lab?.[Symbol.asyncDispose]();
  });
  afterEach(() => cluster.clear());

  const nodes = async (): Promise<string[]> =>
    (await cluster.docker('ps', '--format', '{{.Names}}'))
      .split('\n')
      .map((name) => name.split('/')[0]!)
      .sort();

  test('info has a block for each host', async () => {
    const info = await cluster.docker('info');
    const head =
      / Role: primary\n Strategy: spread\n Filters: health, port, containerslots, dependency, affinity, constraint, whitelist\n Nodes: 3\n/;
    assert.match(info, head);
    const block = [
      `  ${a}: 192\\.168\\.99\\.\\d+:2375`,
      '   └ ID: \\S+\\|192\\.168\\.99\\.\\d+:2375',
      '   └ Status: Healthy',
      '   └ Containers: 0 \\(0 Running, 0 Paused, 0 Stopped\\)',
      '   └ Reserved CPUs: 0 / \\d+',
      '   └ Reserved Memory: 0 B / [\\d.]+ GiB',
      '   └ Labels: kernelversion=.*, ostype=linux, storage=ssd, storagedriver=\\w+',
      '   └ UpdatedAt: \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ',
      '   └ ServerVersion: \\S+',
    ];
    assert.match(info, new RegExp(`${block.join('\n')}\n`));
  });

  for (const cli of CLIS) {
    test(`${cli}: containers run wherever there is room, and are seen, entered, read, stopped, removed from here`, async () => {
      const run = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await cluster.run(args, cli);
        assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
        return stdout.trim();
      };
      for (const name of ['one', 'two', 'three']) await run('run', '-d', '-P', '--name', name, 'whoami');
      assert.deepEqual(await nodes(), [a, b, c]);
      const listed = await run(
        'ps',
        '--no-trunc',
        '--filter',
        'name=one',
        '--format',
        '{{.ID}} {{.Names}} {{.Ports}}',
      );
      const [id, name, ports] = listed.split(' ');
      const [node] = name!.split('/');
      assert.equal(ports, `${await lab.address(node!)}:${/:(\d+)->/.exec(ports!)![1]}->8080/tcp`);
      for (const reference of ['one', name!, id!, id!.slice(0, 12), id!.slice(0, 6)]) {
        assert.equal(await run('inspect', '-f', '{{.Id}} {{.Node.Name}}', reference), `${id} ${node}`);
      }
      assert.equal(await run('exec', 'one', 'cat', '/etc/hostname'), id!.slice(0, 12));
      assert.equal(await run('run', '--rm', '--name', 'four', 'busybox', 'echo', 'hello'), 'hello');
      await run('run', '--name', 'five', 'busybox', 'echo', 'logged');
      assert.equal(await run('logs', 'five'), 'logged');
      await run('stop', '-t', '0', 'one');
      assert.match(
        await run('ps', '-a', '--filter', 'name=one', '--format', '{{.Status}}'),
        /^Exited \(\d+\) /,
      );
      await run('start', 'one');
      await run('rename', 'one', 'first');
      await run('rm', '-f', 'first', 'two', 'three', 'five');
      assert.equal(await run('ps', '-aq'), '');
    });
  }

  test('input goes to a process and its output comes back, both ends apart', async () => {
    await cluster.docker('run', '-d', '--name', 'cat', ...SLEEP);
    const child = spawn('docker', ['exec', '-i', 'cat', 'wc', '-c'], {
      env: { ...process.env, DOCKER_HOST: `tcp://${ADDRESS}` },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.stdin.end('x'.repeat(100_000));
    assert.deepEqual(await exit, [0, null]);
    assert.equal(text.trim(), '100000');
  });

  test('wishes choose the host, leave the environment, and are refused with all that was asked', async () => {
    await cluster.docker(
      'run',
      '-d',
      '--name',
      'ssd',
      '-e',
      'constraint:storage==ssd',
      '-e',
      'A=b',
      ...SLEEP,
    );
    assert.equal(await cluster.docker('inspect', '-f', '{{.Node.Name}}', 'ssd'), a);
    const env = await cluster.docker(
      'inspect',
      '-f',
      '{{.Config.Env}} {{index .Config.Labels "com.docker.swarm.constraints"}}',
      'ssd',
    );
    assert.match(env, /^\[A=b PATH=\/bin\] \["storage==ssd"\]$/);
    await cluster.docker('run', '-d', '--name', 'beside', '-e', 'affinity:container==ssd', ...SLEEP);
    assert.equal(await cluster.docker('inspect', '-f', '{{.Node.Name}}', 'beside'), a);
    const refusal = await cluster.refusal(
      'run',
      '-d',
      '-p',
      '81:81',
      '-e',
      'constraint:node==none',
      ...SLEEP,
    );
    const first = 'Unable to find a node that satisfies the following conditions ';
    assert.ok(
      refusal.includes(`${first}\n[port 81 (Bridge mode)]\n[available container slots]\n[node==none]\n`),
      refusal,
    );
    assert.match(
      await cluster.refusal('run', '-d', '--name', 'ssd', ...SLEEP),
      /Conflict: The name ssd is already assigned\./,
    );
    assert.match(await cluster.refusal('run', '-d', '-e', 'constraint:a==b', ...SLEEP), /Key 'a' is invalid/);
  });

  test('ten at once are spread evenly, and have neither name nor port twice', async () => {
    const started = await Promise.allSettled(
      Array.from({ length: 4 }, () => cluster.docker('run', '-d', '-p', '8081:8080', 'whoami')),
    );
    assert.deepEqual(started.map(({ status }) => status).sort(), [
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    assert.deepEqual(await nodes(), [a, b, c]);
    const named = await Promise.allSettled(
      Array.from({ length: 4 }, () => cluster.docker('run', '-d', '--name', 'same', ...SLEEP)),
    );
    assert.equal(named.filter(({ status }) => status === 'fulfilled').length, 1);
    await Promise.all(Array.from({ length: 8 }, () => cluster.docker('run', '-d', ...SLEEP)));
    const counts = Map.groupBy(await nodes(), (name) => name);
    assert.deepEqual(
      [...counts.values()].map(({ length }) => length),
      [4, 4, 4],
    );
  });

  test('what is missing is missed in the words of the route', async () => {
    assert.match(await cluster.refusal('rm', 'nosuch'), /Container nosuch not found/);
    assert.match(await cluster.refusal('start', 'nosuch'), /No such container nosuch/);
    assert.match(await cluster.refusal('kill', 'nosuch'), /No such container: nosuch/);
    assert.match(await cluster.refusal('service', 'ls'), /404 page not found/);
  });

  test('images are the union of all hosts, and what is done to them is done on all', async () => {
    assert.equal((await cluster.docker('images', '-q', 'busybox')).split('\n').length, 1);
    await cluster.docker('tag', 'busybox', 'other:1');
    for (const host of [a, b, c])
      assert.match(await lab.ssh(host, 'docker', 'images', 'other'), /^other +1 /m);
    assert.equal((await cluster.docker('rmi', 'other:1')).split('\n').length, 3);
    assert.match(await cluster.refusal('rmi', 'nosuch'), /No such image nosuch/);
    const pulled = await cluster.run(['pull', 'nosuch:1']);
    assert.equal(pulled.code, 1);
    for (const host of [a, b, c]) assert.match(pulled.stderr, new RegExp(`^${host}: `, 'm'));
  });

  test('a build runs where its arguments say, and its image draws containers there', async () => {
    const file = `FROM busybox\nRUN echo made > /made\nCMD cat /made\n`;
    const script = `printf '${file}' | DOCKER_BUILDKIT=0 docker build -t made --build-arg constraint:node==${b} -`;
    const { stdout, code } = await execute('sh', ['-c', script], {
      ...process.env,
      DOCKER_HOST: `tcp://${ADDRESS}`,
    });
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^${b}: Step 1/3 : FROM busybox$`, 'm'));
    for (let i = 0; i < 3; i++) assert.equal(await cluster.docker('run', '--rm', 'made'), 'made');
    await cluster.docker('rmi', 'made');
  });

  test('volumes are shown with their hosts, and containers go where their data are', async () => {
    await cluster.docker('volume', 'create', 'all');
    assert.equal(
      (await cluster.docker('volume', 'ls', '-q')).split('\n').join(),
      `${a}/all,${b}/all,${c}/all`,
    );
    assert.match(await cluster.refusal('volume', 'inspect', 'all'), /No such volume: all/);
    assert.equal(await cluster.docker('volume', 'inspect', '-f', '{{.Name}}', `${b}/all`), 'all');
    await cluster.docker(
      'run',
      '--name',
      'first',
      '-e',
      `constraint:node==${c}`,
      '-v',
      'all:/d',
      'busybox',
      'touch',
      '/d/x',
    );
    for (let i = 0; i < 3; i++)
      assert.equal(await cluster.docker('run', '--rm', '-v', 'all:/d', 'busybox', 'ls', '/d'), 'x');
    await cluster.docker('rm', 'first');
    await cluster.docker('volume', 'rm', 'all');
    await cluster.docker('volume', 'create', `${a}/one`);
    assert.equal(await cluster.docker('volume', 'ls', '-q'), `${a}/one`);
    await cluster.docker('volume', 'rm', 'one');
  });

  test('networks of one host draw containers there; overlays say what they lack', async () => {
    await cluster.docker('network', 'create', '-d', 'bridge', `${b}/own`);
    assert.match(
      await cluster.docker('network', 'ls', '--filter', 'name=own'),
      new RegExp(` ${b}/own +bridge +local$`, 'm'),
    );
    for (const name of ['one', 'two']) {
      await cluster.docker('run', '-d', '--network', 'own', '--name', name, ...SLEEP);
      assert.equal(await cluster.docker('inspect', '-f', '{{.Node.Name}}', name), b);
    }
    assert.match(await cluster.docker('exec', 'one', 'ping', '-c1', 'two'), /1 packets received/);
    const both = await cluster.docker('network', 'inspect', '-f', '{{.Name}} {{len .Containers}}', 'own');
    assert.equal(both, 'own 2');
    await cluster.clear();
    await cluster.docker('network', 'rm', 'own');
    assert.match(
      await cluster.refusal('network', 'create', '-d', 'overlay', 'o'),
      /nothing that carries overlays/,
    );
    assert.match(await cluster.refusal('network', 'inspect', 'bridge'), /No such network: bridge/);
  });

  test('events have their hosts, and what is asked of them holds', async () => {
    const since = String(Date.now() / 1000);
    await cluster.docker('run', '--name', 'brief', 'busybox', 'true');
    const ask = ['events', '--since', since, '--until', String(Date.now() / 1000), '--format', '{{json .}}'];
    const lines = (await cluster.docker(...ask, '--filter', 'event=start', '--filter', 'event=die')).split(
      '\n',
    );
    const events = lines.map(
      (line) => JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } },
    );
    assert.deepEqual(
      events.map(({ Action }) => Action),
      ['start', 'die'],
    );
    assert.ok([a, b, c].includes(events[0]!.Actor.Attributes['node.name']!));
  });

  test('managers with a store: hosts by its keys, one leads, the other one leads there, and takes over', async () => {
    await using etcd = await HttpEtcd.start({ v2: true });
    const url = `etcd://${etcd.address}/e2e`;
    const joins = list.split(',').map((address) => {
      return spawn('bin/swarm', ['join', '-addr', address, '-heartbeat=1s', '-ttl=5s', url], {
        stdio: 'ignore',
      });
    });
    try {
      const replicas = (address: string) =>
        Endpoint.start(address, 3, '--replication', '--replication-ttl=2s', '--advertise', address, url);
      await using first = await replicas('127.0.0.1:33761');
      await using second = await replicas('127.0.0.1:33762');
      assert.match(await first.docker('info'), / Role: primary\n Strategy/);
      assert.match(await second.docker('info'), / Role: replica\n Primary: 127\.0\.0\.1:33761\n/);
      assert.equal(await second.docker('run', '--rm', 'busybox', 'echo', 'through'), 'through');
      await first.end('SIGKILL');
      await eventually('the other one leads', 10_000, async () =>
        (await second.docker('info')).includes('Role: primary'),
      );
      assert.equal(await second.docker('run', '--rm', 'busybox', 'echo', 'through'), 'through');
    } finally {
      for (const join of joins) join.kill('SIGKILL');
    }
  });

  test('a host is lost: noticed within 10 s, made anew what is to be; nothing is twice when it returns', async () => {
    const meant = ['-e', 'reschedule:on-node-failure', '-e', `constraint:node==~${c}`];
    await cluster.docker('run', '-d', '--name', 'moves', '-p', '82:8080', ...meant, 'whoami');
    await cluster.docker('run', '-d', '--name', 'stays', '-e', `constraint:node==${c}`, ...SLEEP);
    const swarmId = '{{index .Config.Labels "com.docker.swarm.id"}}';
    const id = await cluster.docker('inspect', '-f', swarmId, 'moves');
    await lab.must('kill', c);
    // Within ten, on a machine that does nothing else.
    await cluster.becomes(1, 'Unhealthy', 15_000);
    const where = (): Promise<string> =>
      cluster.docker('ps', '-a', '--format', '{{.Names}} {{.Status}}', '--filter', 'name=moves');
    await eventually('it runs elsewhere', 10_000, async () => /^p[ab]\/moves Up /.test(await where()), where);
    assert.equal(await cluster.docker('inspect', '-f', swarmId, 'moves'), id);
    assert.match(
      await cluster.refusal('logs', 'stays'),
      new RegExp(`Container stays running on unhealthy node ${c}`),
    );
    assert.match(
      await cluster.docker('ps', '-a', '--filter', 'name=stays'),
      new RegExp(` Host Down .*${c}/stays`),
    );
    assert.equal(await cluster.docker('ps', '-q', '--filter', 'name=stays'), '');
    await lab.must('start', c);
    await cluster.becomes(3, 'Healthy');
    assert.match(await cluster.docker('ps', '-a', '--filter', 'name=stays'), / Exited \(255\) /);
    await eventually('only one is left', 10_000, async () => {
      const left = await lab.ssh(c, 'docker', 'ps', '-a', '--format', '{{.Names}}');
      return left === 'stays' && /^p[ab]\/moves Up [^\n]*$/.test(await where());
    });
  });
});
