/** Services that have tasks on every engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../support/lab.ts';
import { containerOf, type Scenario } from './hosts.ts';

export const services: Scenario = (swarm) => {
  test('services: create, scale, update, rollback, logs, exec', async () => {
    const run = (...args: string[]) => swarm().docker('service', ...args);
    const { hosts, lab } = swarm();
    const version = ['-f', '{{.Description.Engine.EngineVersion}}'];
    const engines = await swarm().docker('node', 'inspect', ...version, ...hosts);
    assert.match(engines, /^28\..*\n(?!28).*\n28\./);
    await run('create', '--no-resolve-image', '--name', 'web', '--replicas', '3', 'whoami:1');
    assert.deepEqual((await swarm().running('web')).map(({ node }) => node).sort(), [...hosts].sort());
    await run('scale', '--detach', 'web=6');
    await swarm().converge('web', 6);
    const image = ['--quiet', '--no-resolve-image', '--update-parallelism', '0', '--image'];
    await run('update', ...image, 'whoami:2', '--env-add', 'GREETING=hello', 'web');
    const versions = () => run('ps', '-f', 'desired-state=running', '--format', '{{.Image}}', 'web');
    assert.equal(await versions(), Array(6).fill('whoami:2').join('\n'));
    for (const host of hosts) {
      const container = await containerOf(swarm(), host, 'web');
      const said = await lab.docker(host, 'exec', container, 'sh', '-c', 'echo $VERSION $GREETING');
      assert.equal(said, '2 hello');
      // From the manager too, wherever it is.
      const slot = container.split('.').slice(0, 2).join('.');
      assert.equal(await swarm().docker('exec', slot, 'sh', '-c', 'echo $VERSION'), '2');
    }
    await run('rollback', '--detach', 'web');
    await eventually('all are as they were', 60_000, async () => {
      await swarm().converge('web', 6);
      return (await versions()) === Array(6).fill('whoami:1').join('\n');
    });

    const tick = 'trap "exit 0" TERM; echo tick $(hostname); while :; do sleep 0.2; done';
    const each = ['--mode', 'global', '--hostname', '{{.Node.Hostname}}'];
    await swarm().create('--name', 'tick', ...each, 'busybox', 'sh', '-c', tick);
    await swarm().converge('tick', 3);
    await eventually('the lines of all three', 10_000, async () => {
      const lines = (await run('logs', '--raw', 'tick')).split('\n').sort();
      return (
        lines.join() ===
        hosts
          .map((host) => `tick ${host}`)
          .toSorted()
          .join()
      );
    });
  });

  test('services: health checks, limits, volumes and a read-only root', async () => {
    const { hosts, lab } = swarm();
    const limits = ['--limit-memory', '64M', '--limit-cpu', '0.5', '--limit-pids', '50'];
    const kernel = ['--ulimit', 'nofile=100:200', '--sysctl', 'net.ipv4.ip_default_ttl=42'];
    const data = ['--mount', 'type=volume,source=data,target=/data'];
    const files = ['--read-only', ...data, '--mount', 'type=tmpfs,target=/scratch'];
    const more = ['--init', '--cap-drop', 'NET_RAW', '--hostname', '{{.Node.Hostname}}', ...kernel];
    await swarm().create('--name', 'web', '--mode', 'global', ...limits, ...files, ...more, 'whoami:healthy');
    await swarm().converge('web', 3);
    for (const host of hosts) {
      const container = await containerOf(swarm(), host, 'web');
      const limit = 'grep -o "files  *100  *200" /proc/1/limits';
      const script = `hostname; touch /data/x /scratch/x; ${limit}; cat /proc/sys/net/ipv4/ip_default_ttl; touch /x 2>&1; true`;
      const said = await lab.docker(host, 'exec', container, 'sh', '-c', script);
      assert.match(said, new RegExp(`^${host}\nfiles +100 +200\n42\ntouch: /x: Read-only file system$`));
      const format =
        '{{.State.Health.Status}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.Init}}';
      assert.equal(await lab.docker(host, 'inspect', '-f', format, container), 'healthy 67108864 50 true');
    }
    await swarm().clear();
    // A container that has ended is removed a moment later.
    for (const host of hosts)
      await eventually(`the volume is free on ${host}`, 10_000, async () => {
        return (await lab.tryDocker(host, ['volume', 'rm', 'data'])).code === 0;
      });
  });
};
