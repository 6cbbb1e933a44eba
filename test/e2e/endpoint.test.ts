/** Scenario F over plain engines: one endpoint for all hosts, with the real CLIs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, describe, test } from 'node:test';
import { Endpoint, plainEngines } from '../support/endpoint.ts';
import type { Lab } from '../support/lab.ts';
import { CLIS } from '../support/swarm.ts';

const ADDRESS = '127.0.0.1:33760';
const SLEEP = ['busybox', 'sleep', '100000'];

describe('one endpoint for plain engines', { timeout: 110_000 }, () => {
  let lab: Lab;
  let cluster: Endpoint;
  let list: string;
  const [a, b, c] = ['pa', 'pb', 'pc'];
  before(async () => {
    lab = await plainEngines({ [a]: { label: 'storage=ssd' }, [b]: { label: 'storage=disk' }, [c]: {} });
    const ips = await Promise.all([a, b, c].map((name) => lab.must('ip', name)));
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
      assert.equal(ports, `${await lab.must('ip', node!)}:${/:(\d+)->/.exec(ports!)![1]}->8080/tcp`);
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
});
