/** A server of one's own becomes an Essaim host, and ceases to be; `test/e2e/hosts` has what goes wrong, and takes longer. */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { imagesTar } from '../support/images.ts';
import { type Server, Servers } from '../support/servers.ts';

describe('a server with an engine on which something runs', { timeout: 600_000 }, () => {
  let servers: Servers;
  let server: Server;
  let started: string;
  const startedAt = () => server.must("docker inspect -f '{{.State.StartedAt}}' mine");
  before(async () => {
    servers = await Servers.create();
    server = await servers.add('alpha', { engine: true });
    await server.must(
      'until docker info >/dev/null 2>&1; do sleep 0.2; done; mkdir -p /srv; : >/srv/images.tar',
    );
    await copyFile(await imagesTar(), `${server.directory}/upper/srv/images.tar`);
    await server.must('docker load -q -i /srv/images.tar; docker run -d --name mine whoami');
    started = await startedAt();
  });
  after(() => servers[Symbol.asyncDispose]());

  test('becomes an Essaim host, and what runs there goes on', async () => {
    const label = ['--engine-label', 'storage=ssd'];
    const said = await servers.must('machine', 'create', ...servers.at(server), ...label, 'alpha');
    assert.match(said, /^alpha: Debian .*, Docker Engine 20\.10\S* with 1 containers running$/m);
    assert.match(said, /^alpha: running at 192\.168\.96\.\d+; docker talks to it after/m);
    assert.match(
      await servers.must('machine', 'ls'),
      /^alpha +- +ssh +Running +tcp:\/\/192\.168\.96\.\d+:2376 +v20\.10/m,
    );
    assert.equal(await startedAt(), started);
  });

  test('docker talks to it with TLS, and it makes a swarm, also as one engine', async () => {
    const line = `eval "$(essaim machine env alpha)"
      docker swarm init --advertise-addr ${server.address} >/dev/null
      docker service create --detach --no-resolve-image --name web whoami >/dev/null
      docker node inspect self --format '{{.Description.Engine.Labels.storage}}'
      eval "$(essaim machine env --swarm alpha)"
      docker info --format '{{range .SystemStatus}}{{.}}{{end}}'`;
    const { stdout, stderr } = await servers.shell(line);
    assert.equal(stderr, '');
    assert.match(stdout, /^ssd\n/);
    assert.match(stdout, /alpha/);
    // Who has no certificate is not let in.
    const bare = await servers.shell(`curl -sk https://${server.address}:2376/info`);
    assert.notEqual(bare.code, 0);
    assert.match(
      await servers.must('machine', 'ssh', 'alpha', 'docker node ls'),
      /alpha +Ready +Active +Leader/,
    );
  });

  test('to do it again changes nothing', async () => {
    const again = await servers.essaim('machine', 'create', ...servers.at(server), 'alpha');
    assert.match(again.stderr, /Machine "alpha" already exists/);
    const pid = await server.must('systemctl show -p MainPID essaim');
    await servers.must('machine', 'provision', 'alpha');
    assert.match(await servers.must('machine', 'upgrade', 'alpha'), /has this Essaim already/);
    assert.equal(await server.must('systemctl show -p MainPID essaim'), pid);
    assert.equal(await startedAt(), started);
  });

  test('the user gets another certificate, and so does the host', async () => {
    const ends = () => servers.shell(`cd ${servers.home}; md5sum certs/*.pem machines/alpha/*.pem`);
    const before = (await ends()).stdout.split('\n');
    await servers.must('machine', 'regenerate-certs', '--client-certs', 'alpha');
    const kept = (await ends()).stdout.split('\n').filter((line) => line !== '' && before.includes(line));
    assert.deepEqual(
      kept.map((line) => line.split('  ')[1]),
      ['certs/ca-key.pem', 'certs/ca.pem', 'machines/alpha/ca.pem'],
    );
    const { stdout } = await servers.shell('eval "$(essaim machine env alpha)"; docker info -f "{{.Name}}"');
    assert.equal(stdout, 'alpha\n');
  });

  test('files are copied there and back', async () => {
    await servers.must('machine', 'scp', '-r', 'docs', 'alpha:/root/there');
    // Whoever logs in is greeted from here on.
    await server.must("echo 'echo TODAY=monday, and welcome' >/root/.bashrc");
    await servers.must('machine', 'scp', 'alpha:/root/there/api.md', `${servers.home}/back`);
    assert.equal((await servers.shell(`cmp docs/api.md ${servers.home}/back`)).code, 0);
    await servers.must('machine', 'scp', '-r', 'alpha:there', `alpha:/root/it's $HOME`);
    assert.equal(await server.must(`diff -r /root/there "/root/it's \\$HOME" && echo same`), 'same');
    const nowhere = await servers.essaim('machine', 'scp', 'README.md', 'alpha:/no/such/one');
    assert.equal(nowhere.stderr, 'There is no folder /no/such to put one into.\n');
    const folder = await servers.essaim('machine', 'scp', 'docs', 'alpha:');
    assert.match(folder.stderr, /is a folder: give -r/);
  });

  test('is let go: Essaim is gone, the engine and its container are as they were', async () => {
    const refused = await servers.essaim('machine', 'rm', 'alpha');
    assert.match(
      refused.stdout,
      /^Of alpha only Essaim goes, with its tasks: Docker Engine and your containers/m,
    );
    assert.match(refused.stderr, /Nobody has answered, and nothing was removed/);
    const said = await servers.must('machine', 'rm', '-y', 'alpha');
    assert.match(said, /^alpha: leaving its swarm, where /m);
    assert.match(said, /^Successfully removed alpha$/m);
    assert.equal(await startedAt(), started);
    assert.equal(await server.must('docker ps -a --format "{{.Names}}"'), 'mine');
    const left =
      'ls -d /opt/essaim /etc/essaim /var/lib/essaim /etc/default/essaim /usr/local/bin/essaim /run/essaim';
    assert.equal((await server.run(left)).stdout, '');
    assert.match((await server.run('systemctl status essaim')).stderr, /could not be found/);
    assert.equal(await servers.must('machine', 'ls', '-q'), '');
  });
});
