/** Jobs: services whose tasks are to end, as often as asked for or once on each node. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm, withEach } from '../support/swarm.ts';

describe('jobs', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('ja', 'jb');
  });
  afterEach(() => swarm.clear());
  after(() => swarm?.[Symbol.asyncDispose]());

  const docker = (...args: string[]) => swarm.docker(...args);
  const create = (...args: string[]) => swarm.create(...args);
  const refused = async (...args: string[]) => {
    const { code, stderr } = await swarm.tryDocker(...args);
    assert.equal(code, 1);
    return stderr;
  };
  const replicas = (name: string) =>
    docker('service', 'ls', '--format', '{{.Mode}} {{.Replicas}}', '--filter', `name=${name}`);
  const becomes = (name: string, text: string) =>
    eventually(
      `${name} is at ${text}`,
      60_000,
      async () => (await replicas(name)) === text,
      async () => `${await replicas(name)}\n${await swarm.explain(name)}`,
    );
  const iteration = (name: string) =>
    docker('service', 'inspect', '--format', '{{.JobStatus.JobIteration.Index}}', name).then(Number);

  test('a replicated job shows its progress, ends, and is run again by an update', () =>
    withEach(async (cli, name) => {
      const run = async (...args: string[]) => {
        const outcome = await swarm.lab.tryDocker(swarm.manager, args, cli);
        assert.equal(outcome.code, 0, outcome.stderr);
        return outcome.stdout;
      };
      const mode = ['--mode', 'replicated-job', '--replicas', '5', '--max-concurrent', '2'];
      const created = await run(
        ...['service', 'create', '--no-resolve-image', '--name', name, ...mode],
        ...['busybox', 'sh', '-c', 'echo done; sleep 1'],
      );
      assert.match(created, /active tasks: 2 out of 2 tasks/);
      assert.match(created, /job complete/);
      assert.match(
        await run('service', 'ls'),
        new RegExp(`${name} +replicated job +0/2 \\(5/5 completed\\) +busybox:latest`),
      );
      const rows = await swarm.tasks(name);
      assert.equal(rows.length, 5);
      for (const { desired, current } of rows) assert.equal(`${desired}/${current}`, 'Complete/Complete');
      assert.equal((await run('service', 'ps', name)).match(/ Complete +Complete .* ago/g)?.length, 5);
      // The first slot of a job is number zero, which the CLI takes for none.
      const places = rows.map((row) => row.name.slice(name.length + 1));
      assert.equal(places.filter((place) => /^[1-4]$/.test(place)).length, 4);
      assert.equal(places.filter((place) => /^\w{25}$/.test(place)).length, 1);
      const log = await run('service', 'logs', name);
      assert.equal(log.split('\n').filter((line) => / done$/.test(line)).length, 5);
      assert.match(log, new RegExp(`^${name}\\.0\\.`, 'm'));

      assert.equal(await iteration(name), 0);
      const forced = await run('service', 'update', '--force', '--no-resolve-image', name);
      assert.match(forced, /job complete/);
      assert.equal(await iteration(name), 1);
      assert.equal((await swarm.tasks(name)).length, 10);
      await run('service', 'update', '--detach', '--label-add', 'a=b', name);
      assert.equal(await iteration(name), 2);
      await becomes(name, 'replicated job 0/2 (5/5 completed)');
      await run('service', 'rollback', '--detach', name);
      assert.equal(await iteration(name), 3);
      assert.equal(await run('service', 'rm', name), `${name}\n`);
      await eventually('nothing is left of it', 30_000, async () => {
        const left = await Promise.all(
          swarm.hosts.map((host) =>
            swarm.lab.docker(host, 'ps', '-aq', '--filter', `label=com.docker.swarm.service.name=${name}`),
          ),
        );
        return left.join('') === '';
      });
    }));

  test('scaling changes how many are to complete', async () => {
    await create('--name', 'more', '--mode', 'replicated-job', '--replicas', '1', 'busybox', 'true');
    await becomes('more', 'replicated job 0/1 (1/1 completed)');
    assert.match(await docker('service', 'scale', 'more=3'), /job complete/);
    assert.equal(
      await docker('service', 'inspect', '--format', '{{json .Spec.Mode}}', 'more'),
      '{"ReplicatedJob":{"MaxConcurrent":1,"TotalCompletions":3}}',
    );
    await becomes('more', 'replicated job 0/1 (3/3 completed)');
    await docker('service', 'rm', 'more');
  });

  test('a global job runs once on each node that it may, also on one that comes to be such', async () => {
    await create('--name', 'all', '--mode', 'global-job', 'busybox', 'true');
    await becomes('all', 'global job 0/0 (2/2 completed)');
    await docker('node', 'update', '--label-add', 'x=y', 'jb');
    await create(
      '--name',
      'some',
      '--mode',
      'global-job',
      '--constraint',
      'node.labels.x!=y',
      'busybox',
      'true',
    );
    await becomes('some', 'global job 0/0 (1/1 completed)');
    await docker('node', 'update', '--label-rm', 'x', 'jb');
    await eventually('both nodes', 60_000, async () => {
      const nodes = (await swarm.tasks('some')).filter(({ current }) => current.startsWith('Complete'));
      return new Set(nodes.map(({ node }) => node)).size === 2;
    });
    await docker('service', 'rm', 'all', 'some');
  });

  test('a task that fails is tried again, as often as allowed', async () => {
    await create(
      ...[
        '--name',
        'bad',
        '--mode',
        'replicated-job',
        '--restart-delay',
        '100ms',
        '--restart-max-attempts',
        '2',
      ],
      ...['busybox', 'false'],
    );
    await eventually(
      'three attempts',
      60_000,
      async () =>
        (await swarm.tasks('bad')).filter(({ current }) => current.startsWith('Failed')).length === 3,
      () => swarm.explain('bad'),
    );
    assert.equal(await replicas('bad'), 'replicated job 0/1 (0/1 completed)');
    await docker('service', 'rm', 'bad');
  });

  test('what a job cannot have is refused', async () => {
    const job = ['service', 'create', '--no-resolve-image', '--mode', 'replicated-job'];
    assert.match(
      await refused(...job, '--update-delay', '3s', 'busybox'),
      /update and rollback configuration is not supported for jobs/,
    );
    assert.match(
      await refused(...job, '--restart-condition', 'always', 'busybox'),
      /invalid RestartCondition: "always"/,
    );
    assert.match(
      await refused('service', 'create', '--mode', 'global-job', '--replicas', '2', 'busybox'),
      /replicas can only be used with/,
    );
  });
});
