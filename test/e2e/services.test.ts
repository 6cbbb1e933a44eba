/** Services: scenario C (without the routing mesh), restarts, placement, drain, logs, templates. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually } from '../support/lab.ts';
import { Swarm, withEach } from '../support/swarm.ts';

describe('services', { timeout: 300_000 }, () => {
  let swarm: Swarm;
  before(async () => {
    swarm = await Swarm.on('sa', 'sb', 'sc');
  });
  afterEach(() => swarm.clear());
  after(() => swarm?.[Symbol.asyncDispose]());
  const create = (...args: string[]) => swarm.create(...args);
  const remove = (...names: string[]) => swarm.remove(...names);

  test('attached create shows progress and ends when all run; ls, ps, scale, rm', () =>
    withEach(async (cli, name) => {
      const run = async (...args: string[]) => {
        const outcome = await swarm.lab.tryDocker(swarm.manager, args, cli);
        assert.equal(outcome.code, 0, outcome.stderr);
        return outcome.stdout;
      };
      const created = await run('service', 'create', '--name', name, '--replicas', '2', 'whoami');
      assert.match(created, /overall progress: 2 out of 2 tasks/);
      assert.match(created, /(Service converged|Service \w+ converged)/);
      assert.match(await run('service', 'ls'), new RegExp(`${name} +replicated +2/2 +whoami:latest`));
      assert.match(await run('service', 'scale', `${name}=5`), /overall progress: 5 out of 5 tasks/);
      const rows = await swarm.running(name);
      assert.equal(rows.length, 5);
      assert.equal(new Set(rows.map(({ node }) => node)).size, 3);
      assert.match(
        await run('service', 'inspect', '--pretty', name),
        /Service Mode:\s+Replicated\n Replicas:\s+5/,
      );
      await remove(name);
      const { code, stderr } = await swarm.lab.tryDocker(swarm.manager, ['service', 'ps', name], cli);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`no such service: ${name}`));
    }));

  test('nine services of one replica each end up spread evenly', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `nine${i}`);
    await Promise.all(names.map((name) => create('--name', name, 'whoami')));
    const nodes = (await Promise.all(names.map((name) => swarm.converge(name, 1)))).map(([row]) => row!.node);
    for (const host of swarm.hosts)
      assert.equal(nodes.filter((node) => node === host).length, 3, nodes.join(' '));
    await remove(...names);
  });

  test('update, rollback: only the changed tasks are replaced, history stays', () =>
    withEach(async (cli, service) => {
      const run = (...args: string[]) => swarm.with(cli, 'service', ...args);
      const unresolved = ['--detach', '--no-resolve-image'];
      const slots = ['--replicas', '3', '--update-parallelism', '0'];
      await run('create', ...unresolved, '--name', service, ...slots, 'whoami:1');
      const before = await swarm.converge(service, 3);
      await run('update', '--detach', '--label-add', 'a=b', service);
      await run('scale', '--detach', `${service}=4`);
      const scaled = await swarm.converge(service, 4);
      for (const { name, node } of before)
        assert.ok(scaled.some((row) => row.name === name && row.node === node));
      await run('update', '--quiet', '--no-resolve-image', '--image', 'whoami:2', service);
      const images = () => run('ps', '--filter', 'desired-state=running', '--format', '{{.Image}}', service);
      assert.equal(await images(), Array(4).fill('whoami:2').join('\n'));
      assert.equal(await run('inspect', '--format', '{{.UpdateStatus.State}}', service), 'completed');
      await run('rollback', '--quiet', service);
      assert.equal(await images(), Array(4).fill('whoami:1').join('\n'));
      assert.equal((await run('ps', '-q', service)).split('\n').length, 12);
      await run('update', '--detach', '--replicas', '2', service);
      await swarm.converge(service, 2);
      await run('rm', service);
      await swarm.gone(service);
    }));

  test('global services, constraints, drain, pause, max replicas', async () => {
    await create('--name', 'all', '--mode', 'global', 'whoami');
    await create('--name', 'workers', '--mode', 'global', '--constraint', 'node.role==worker', 'whoami');
    await create('--name', 'pinned', '--replicas', '2', '--constraint', 'node.hostname==sb', 'whoami');
    await swarm.converge('all', 3);
    await swarm.converge('workers', 2);
    assert.deepEqual(
      (await swarm.converge('pinned', 2)).map(({ node }) => node),
      ['sb', 'sb'],
    );
    await create('--name', 'nowhere', '--constraint', 'node.labels.x==y', 'whoami');
    await create('--name', 'tight', '--replicas', '4', '--replicas-max-per-node', '1', 'whoami');
    await eventually(
      'reasons are shown',
      10_000,
      async () => {
        const [row] = await swarm.tasks('nowhere');
        const tight = await swarm.tasks('tight');
        return (
          row?.error === 'no suitable node (scheduling constraints not satisfied on 3 nodes)' &&
          tight.some(({ error }) => error === 'no suitable node (max replicas per node limit exceed)')
        );
      },
      async () => JSON.stringify([await swarm.tasks('nowhere'), await swarm.tasks('tight')]),
    );
    await swarm.docker('node', 'update', '--label-add', 'x=y', 'sc');
    assert.equal((await swarm.converge('nowhere', 1))[0]!.node, 'sc');
    await swarm.docker('node', 'update', '--label-rm', 'x', 'sc');
    await swarm.docker('node', 'update', '--availability', 'drain', 'sb');
    await swarm.converge('all', 2);
    await eventually('nothing runs on sb', 30_000, async () => {
      const left = await Promise.all(
        ['all', 'workers', 'pinned'].map((name) => swarm.containers('sb', name)),
      );
      return left.flat().length === 0;
    });
    await swarm.docker('node', 'update', '--availability', 'active', 'sb');
    await swarm.converge('all', 3);
    await swarm.converge('pinned', 2);
    await remove('all', 'workers', 'pinned', 'nowhere', 'tight');
  });

  test('reservations are kept: what does not fit waits and says why', async () => {
    await create('--name', 'big', '--replicas', '4', '--reserve-cpu', '1.5', 'whoami');
    await swarm.converge('big', 3);
    await eventually('the fourth waits', 10_000, async () =>
      (await swarm.tasks('big')).some(
        ({ error }) => error === 'no suitable node (insufficient resources on 3 nodes)',
      ),
    );
    await remove('big');
  });

  test('host ports: fixed ones are a filter, chosen ones are reported; they answer', async () => {
    await create(
      '--name',
      'fixed',
      '--replicas',
      '4',
      '--publish',
      'mode=host,published=8081,target=8080',
      'whoami',
    );
    await swarm.converge('fixed', 3);
    await eventually('the fourth waits', 10_000, async () =>
      (await swarm.tasks('fixed')).some(({ error }) =>
        /host-mode port already in use on 3 nodes/.test(error),
      ),
    );
    for (const host of swarm.hosts) {
      const answer = await fetch(`http://${await swarm.lab.address(host)}:8081/`);
      assert.equal(answer.status, 200);
    }
    await create('--name', 'chosen', '--publish', 'mode=host,target=8080', 'whoami');
    const [row] = await swarm.converge('chosen', 1);
    const ports = await swarm.docker('service', 'ps', '--format', '{{.Ports}}', 'chosen');
    const port = /^\*:(\d+)->8080\/tcp/.exec(ports)?.[1];
    assert.ok(port, ports);
    assert.equal((await fetch(`http://${await swarm.lab.address(row!.node)}:${port}/`)).status, 200);
    await remove('fixed', 'chosen');
  });

  test('failing tasks restart by their policy, with the reason and history shown', async () => {
    await create(
      '--name',
      'crash',
      '--restart-delay',
      '200ms',
      '--restart-max-attempts',
      '2',
      'busybox',
      'sh',
      '-c',
      'exit 3',
    );
    await eventually(
      'three attempts, then no more',
      30_000,
      async () => {
        const rows = await swarm.tasks('crash');
        return rows.length === 3 && rows.every(({ current }) => current.startsWith('Failed'));
      },
      () => swarm.explain('crash'),
    );
    assert.match((await swarm.tasks('crash'))[0]!.error, /task: non-zero exit \(3\)/);
    await create('--name', 'once', '--restart-condition', 'none', 'busybox', 'true');
    await eventually('complete', 30_000, async () =>
      (await swarm.tasks('once'))[0]?.current.startsWith('Complete'),
    );
    await create('--name', 'noimage', '--restart-delay', '1h', 'nosuch:image');
    await eventually(
      'rejected',
      30_000,
      async () =>
        (await swarm.tasks('noimage')).some(
          ({ current, error }) => current.startsWith('Rejected') && /No such image: nosuch:image/.test(error),
        ),
      () => swarm.explain('noimage'),
    );
    await remove('crash', 'once', 'noimage');
  });

  test('a container removed behind the swarm’s back is replaced', async () => {
    await create('--name', 'web', '--restart-delay', '100ms', 'whoami');
    const [row] = await swarm.converge('web', 1);
    const [name] = await swarm.containers(row!.node, 'web');
    await swarm.lab.docker(row!.node, 'rm', '-f', name!);
    await eventually(
      'another one runs',
      30_000,
      async () => {
        const rows = await swarm.tasks('web');
        return (
          rows.length === 2 && rows[0]!.current.startsWith('Running') && rows[1]!.current.startsWith('Failed')
        );
      },
      () => swarm.explain('web'),
    );
    await remove('web');
  });

  test('a task runs when it is healthy', async () => {
    await create(
      '--name',
      'sick',
      '--health-cmd',
      'test -e /tmp/well',
      '--health-interval',
      '300ms',
      '--health-retries',
      '60',
      'busybox',
      'sleep',
      '10000',
    );
    const [row] = await eventually('starting', 30_000, async () => {
      const rows = await swarm.tasks('sick');
      return rows[0]?.current.startsWith('Starting') && rows;
    });
    const container = await eventually(
      'its container',
      10_000,
      async () => (await swarm.containers(row!.node, 'sick'))[0],
    );
    await swarm.lab.docker(row!.node, 'exec', container, 'touch', '/tmp/well');
    await swarm.converge('sick', 1, 10_000);
    await remove('sick');
  });

  test('templates, environment, hostname, labels, tmpfs, user, limits reach the container', async () => {
    await create(
      '--name',
      'spec',
      '--hostname',
      '{{.Node.Hostname}}-{{.Task.Slot}}',
      '--env',
      'WHO={{.Service.Name}}',
      '--container-label',
      'c=d',
      '--user',
      '1000:1000',
      '--workdir',
      '/tmp',
      '--mount',
      'type=tmpfs,target=/scratch,tmpfs-size=1m',
      '--limit-memory',
      '32m',
      '--read-only',
      '--init',
      '--stop-signal',
      'SIGINT',
      '--ulimit',
      'nofile=1000:1000',
      '--cap-drop',
      'CHOWN',
      '--host',
      'db:10.1.2.3',
      'busybox',
      'sh',
      '-c',
      'hostname; echo $WHO; pwd; id -u; exec sleep 1000000',
    );
    const [row] = await swarm.converge('spec', 1);
    await eventually(
      'its output',
      10_000,
      async () => (await swarm.docker('service', 'logs', '--raw', 'spec')).split('\n').length === 4,
    );
    assert.equal(await swarm.docker('service', 'logs', '--raw', 'spec'), `${row!.node}-1\nspec\n/tmp\n1000`);
    assert.match(
      await swarm.docker('service', 'logs', 'spec'),
      new RegExp(`^spec\\.1\\.\\w+@${row!.node} +\\| ${row!.node}-1`),
    );
    await remove('spec');
  });

  test('logs of all hosts: tail, since, follow', async () => {
    await create(
      '--name',
      'chatty',
      '--replicas',
      '3',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3; do echo line $i; done; exec sleep 1000000',
    );
    await swarm.converge('chatty', 3);
    const lines = async (...args: string[]) =>
      (await swarm.docker('service', 'logs', '--raw', ...args, 'chatty')).split('\n').filter(Boolean);
    await eventually('nine lines', 10_000, async () => (await lines()).length === 9);
    assert.equal((await lines('--tail', '1')).length, 3);
    assert.equal((await lines('--since', '1h')).length, 9);
    assert.match((await lines('-t'))[0]!, /^\d{4}-\d\d-\d\dT[\d:.]+Z line 1$/);
    await remove('chatty');
  });
});
