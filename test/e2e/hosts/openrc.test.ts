/** A server that OpenRC has started things on: what OpenRC's scripts of ours do. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { imagesTar } from '../../support/images.ts';
import { type Server, Servers } from '../../support/servers.ts';

describe('a server with OpenRC', { timeout: 500_000 }, () => {
  let servers: Servers;
  let server: Server;
  before(async () => {
    servers = await Servers.create();
    server = await servers.add('open', {
      init: 'openrc',
      prepare: async (root) => {
        await mkdir(join(root, 'srv'));
        // The engine's script raises limits, which not every system that tests run on lets it do.
        await mkdir(join(root, 'etc/dpkg/dpkg.cfg.d'), { recursive: true });
        await writeFile(join(root, 'etc/dpkg/dpkg.cfg.d/test'), 'force-confold\n');
        await mkdir(join(root, 'etc/default'), { recursive: true });
        await writeFile(join(root, 'etc/default/docker'), 'ulimit() { :; }\n');
        await copyFile(await imagesTar(), join(root, 'srv/images.tar'));
      },
    });
  });
  after(() => servers[Symbol.asyncDispose]());
  const status = () => servers.must('machine', 'status', 'open');
  const task = () => server.must('docker ps -q --filter label=com.docker.swarm.service.name=web');
  /** Of ours and the engine, what OpenRC holds for started. */
  const started = async () =>
    (await server.must('ls /run/openrc/started')).split('\n').filter((name) => /docker|essaim/.test(name));
  /** Waits for the one task, and for Essaim before. */
  const served = async () => {
    await servers.shell('until [ "$(essaim machine status open)" = Running ]; do sleep 0.5; done');
    await server.must(
      'for i in $(seq 100); do [ -z "$(docker ps -q --filter name=web.1)" ] || exit 0; sleep 0.3; done; exit 1',
    );
  };

  test('gets an engine and Essaim, which OpenRC starts', async () => {
    const flags = await servers.essaim(
      'machine',
      'create',
      ...servers.at(server),
      '--engine-opt',
      'debug=true',
      'x',
    );
    assert.match(flags.stderr, /nothing was changed:\n.* --engine-opt and --engine-env need systemd/);
    const said = await servers.must('machine', 'create', ...servers.at(server), 'open');
    assert.match(said, /Docker Engine 20\.10\S* runs$/m);
    assert.deepEqual(await started(), ['essaim', 'essaim-tasks']);
    const { stdout } = await servers.shell(
      `eval "$(essaim machine env open)"; docker swarm init --advertise-addr ${server.address} >/dev/null; docker node ls --format '{{.Status}}'`,
    );
    assert.equal(stdout, 'Ready\n');
    await servers.must(
      'machine',
      'ssh',
      'open',
      'docker load -q -i /srv/images.tar; docker service create --detach --no-resolve-image --name web whoami',
    );
    await served();
  });

  test('the daemon is back by itself, is started anew, and tasks go on', async () => {
    const before = await task();
    await server.must('kill -KILL $(cat /run/essaim-daemon.pid)');
    await served();
    await server.must('rc-service essaim restart');
    await served();
    assert.equal(await task(), before);
    // The supervisor is gone too, which OpenRC does not know.
    await server.must('kill -KILL $(cat /run/essaim-supervise.pid) $(cat /run/essaim-daemon.pid)');
    assert.equal(await status(), 'Stopped');
    await servers.must('machine', 'provision', 'open');
    assert.equal(await status(), 'Running');
    assert.equal(await task(), before);
  });

  test('stopping it ends its tasks, and starting it brings them back', async () => {
    await servers.must('machine', 'stop', 'open');
    assert.equal(await status(), 'Stopped');
    assert.equal(await task(), '');
    await servers.must('machine', 'start', 'open');
    await served();
  });

  test('when it boots all is there; when it is shut down, tasks are stopped while the engine still runs', async () => {
    await server.kill();
    await server.boot();
    await served();
    assert.deepEqual(await started(), ['docker', 'essaim', 'essaim-tasks']);
    await server.must('openrc off');
    assert.deepEqual(await started(), []);
    assert.equal((await server.run('pgrep -f "[o]pt/essaim|[d]ockerd"')).stdout, '');
    const said = await server.must('grep -n "its tasks are stopped" /var/log/essaim.log');
    assert.equal(said.split('\n').length, 2);
    await server.kill();
    await server.boot();
    await served();
  });

  test('loses Essaim again, and keeps its engine', async () => {
    await server.must('docker run -d --name mine whoami');
    await servers.must('machine', 'rm', '-f', 'open');
    const left =
      'ls -d /opt/essaim /etc/essaim /var/lib/essaim /etc/default/essaim /usr/local/bin/essaim /etc/init.d/essaim* /etc/runlevels/default/essaim*';
    assert.equal((await server.run(left)).stdout, '');
    assert.equal((await server.run('pgrep -f "[o]pt/essaim"')).stdout, '');
    assert.equal(await server.must('docker ps --format "{{.Names}}"'), 'mine');
  });
});
